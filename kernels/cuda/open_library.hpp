#pragma once

#include "base/result.hpp"
#include "kernels/cuda/library.hpp"
#include "kernels/errors.hpp"

namespace troupe::cuda {

/// Opens libtroupe_cuda.so once in a process and keeps it: beside the program, in the build tree's
/// kernels/cuda/ or an installation's ../lib/, or wherever the system's loader looks. Not without NVIDIA's
/// driver: the library brings cuBLASLt, half a GB. Errors: driver_missing, library_missing
/// (what the loader said of each place).
result<const library_table*> open_library();

} // namespace troupe::cuda
