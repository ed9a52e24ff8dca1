#pragma once

#include "kernels/cuda/status.hpp"
#include "kernels/cuda/stream.hpp"

#include <cuda_runtime.h>

namespace troupe::cuda {

launch_status fail_mismatch(launch_status code, const char* name, int64_t expected, int64_t got);
launch_status fail_device(launch_status code, int error);

inline bool is_aligned(const void* pointer, uintptr_t bytes) {
  return reinterpret_cast<uintptr_t>(pointer) % bytes == 0;
}

/// Answers from the launcher around it unless the value lies in [low, high].
#define TROUPE_CUDA_RANGE(value, low, high)                                                                  \
  do {                                                                                                       \
    if ((value) < (low))                                                                                     \
      return fail_mismatch(launch_status::shape_mismatch, #value, (low), (value));                           \
    if ((value) > (high))                                                                                    \
      return fail_mismatch(launch_status::shape_mismatch, #value, (high), (value));                          \
  } while (false)

/// Answers unless the value is a multiple; `expected` is then the next one above.
#define TROUPE_CUDA_MULTIPLE(value, of)                                                                      \
  do {                                                                                                       \
    if ((value) % (of) != 0)                                                                                 \
      return fail_mismatch(launch_status::shape_mismatch, #value, ((value) / (of) + 1) * (of), (value));     \
  } while (false)

/// Answers unless the pointer is set and aligned; `expected` is the alignment, `got` the remainder (-1:
/// null).
#define TROUPE_CUDA_POINTER(pointer, bytes)                                                                  \
  do {                                                                                                       \
    if ((pointer) == nullptr)                                                                                \
      return fail_mismatch(launch_status::shape_mismatch, #pointer, (bytes), -1);                            \
    if (!is_aligned((pointer), (bytes)))                                                                     \
      return fail_mismatch(launch_status::shape_mismatch, #pointer, (bytes),                                 \
                           static_cast<int64_t>(reinterpret_cast<uintptr_t>(pointer) % (bytes)));            \
  } while (false)

struct launch_shape {
  dim3 grid, block;
  int32_t shared_bytes = 0;
};

/// Once for each kernel, device and thread: raises the kernel's limit of dynamic shared memory where needed,
/// and asks for the same split of L1 and shared memory for every kernel: a multiprocessor must run empty
/// before it can change its split, which would keep a kernel from starting beside the one before it.
launch_status prepare_kernel(const void* kernel, int32_t shared_bytes);

/// Launches on the stream.
template <class... Arguments>
launch_status launch(void (*kernel)(Arguments...), const launch_shape& shape, const gpu_stream& stream,
                     Arguments... arguments) {
  if (auto s = prepare_kernel(reinterpret_cast<const void*>(kernel), shape.shared_bytes);
      s != launch_status::ok)
    return s;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = static_cast<size_t>(shape.shared_bytes);
  config.stream = stream.handle;
  config.attrs = &attribute;
  config.numAttrs = stream.overlap ? 1 : 0;
  if (auto e = cudaLaunchKernelEx(&config, kernel, arguments...); e != cudaSuccess)
    return fail_device(launch_status::launch_failed, e);
  return launch_status::ok;
}

} // namespace troupe::cuda
