#pragma once

#include "kernels/cpu/instruction_set.hpp"
#include "kernels/cpu/thread_pool.hpp"

namespace troupe {

/// Where a launcher runs its kernel: the CPU's counterpart of a device stream. Launchers return when the
/// operation has ended.
struct cpu_stream {
  instruction_set isa;
  thread_pool& threads;
};

} // namespace troupe
