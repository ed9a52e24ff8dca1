#include "kernels/cuda/launch.cuh"

#include <map>
#include <utility>

namespace troupe::cuda {

namespace {

constexpr int32_t shared_bytes_always = 48 * 1024; // a kernel gets so much without asking

} // namespace

launch_status prepare_kernel(const void* kernel, int32_t shared_bytes) {
  // What a kernel may take of each device; CUDA's own answer to the same question costs as much as a launch.
  thread_local std::map<std::pair<const void*, int>, int32_t> prepared;
  int device = 0;
  if (auto e = cudaGetDevice(&device); e != cudaSuccess)
    return fail_device(launch_status::launch_failed, e);
  auto [known, is_new] = prepared.try_emplace({kernel, device}, 0);
  if (is_new)
    if (auto e = cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                      cudaSharedmemCarveoutMaxShared);
        e != cudaSuccess) {
      prepared.erase(known);
      return fail_device(launch_status::launch_failed, e);
    }
  if (shared_bytes > shared_bytes_always && shared_bytes > known->second) {
    if (auto e = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
        e != cudaSuccess)
      return fail_device(launch_status::launch_failed, e);
    known->second = shared_bytes;
  }
  return launch_status::ok;
}

} // namespace troupe::cuda
