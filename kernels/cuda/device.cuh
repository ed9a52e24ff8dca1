#pragma once

#include "kernels/cuda/launch.cuh"

namespace troupe::cuda {

struct device_facts {
  int32_t multiprocessors, capability_major;
};

/// Of the current device; asked once per device and thread.
launch_status find_device_facts(device_facts& out);

} // namespace troupe::cuda
