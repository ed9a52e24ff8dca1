#include "kernels/cuda/device.cuh"

namespace troupe::cuda {

launch_status find_device_facts(device_facts& out) {
  thread_local int known_device = -1;
  thread_local device_facts known{};
  int device = 0;
  if (auto e = cudaGetDevice(&device); e != cudaSuccess)
    return fail_device(launch_status::launch_failed, e);
  if (device != known_device) {
    if (auto e = cudaDeviceGetAttribute(&known.multiprocessors, cudaDevAttrMultiProcessorCount, device);
        e != cudaSuccess)
      return fail_device(launch_status::launch_failed, e);
    if (auto e = cudaDeviceGetAttribute(&known.capability_major, cudaDevAttrComputeCapabilityMajor, device);
        e != cudaSuccess)
      return fail_device(launch_status::launch_failed, e);
    known_device = device;
  }
  out = known;
  return launch_status::ok;
}

} // namespace troupe::cuda
