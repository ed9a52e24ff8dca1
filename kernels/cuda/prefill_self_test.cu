#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/prefill_linear.hpp"
#include "kernels/cuda/random_fill.hpp"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;
constexpr int32_t tokens_a_launch = 64; // of linear()

__global__ void __launch_bounds__(threads)
    count_different(const uint32_t* a, const uint32_t* b, int64_t words, unsigned long long* different) {
  for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < words; i += int64_t(gridDim.x) * threads)
    if (a[i] != b[i])
      atomicAdd(different, 1ull);
}

/// Device memory that goes back at the end of a scope.
class device_block {
public:
  device_block() = default;
  device_block(const device_block&) = delete;
  device_block& operator=(const device_block&) = delete;
  ~device_block() { cudaFree(pointer_); }

  launch_status allocate(size_t bytes) {
    auto e = cudaMalloc(&pointer_, bytes);
    return e == cudaSuccess ? launch_status::ok : fail_device(launch_status::launch_failed, e);
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(pointer_);
  }

private:
  void* pointer_ = nullptr;
};

launch_status after(cudaError_t e) {
  return e == cudaSuccess ? launch_status::ok : fail_device(launch_status::launch_failed, e);
}

#define TROUPE_CUDA_TRY(expression)                                                                          \
  do {                                                                                                       \
    if (auto tried = (expression); tried != launch_status::ok)                                               \
      return tried;                                                                                          \
  } while (false)

} // namespace

launch_status compare_prefill_linear(prefill_linear& prefill, int32_t tokens, int32_t n, int32_t k,
                                     linear_result result, linear_agreement& out) {
  TROUPE_CUDA_RANGE(tokens, 1, 1 << 16);
  TROUPE_CUDA_RANGE(n, 8, 1 << 20);
  TROUPE_CUDA_RANGE(k, 8, 1 << 20);
  size_t element = result == linear_result::bf16_rows ? 2 : 4;
  size_t outputs = static_cast<size_t>(tokens) * static_cast<size_t>(n);
  auto rows = static_cast<size_t>(tokens), columns = static_cast<size_t>(k);
  device_block input, weight, ours, theirs, different;
  TROUPE_CUDA_TRY(input.allocate(rows * columns * 2));
  TROUPE_CUDA_TRY(weight.allocate(static_cast<size_t>(n) * columns * 2));
  TROUPE_CUDA_TRY(ours.allocate(outputs * element));
  TROUPE_CUDA_TRY(theirs.allocate(outputs * element));
  TROUPE_CUDA_TRY(different.allocate(sizeof(uint64_t)));
  gpu_stream stream{nullptr, false};
  TROUPE_CUDA_TRY(fill_normal({input.as<bf16>(), int64_t(rows * columns), 1.0f, 1}, stream));
  TROUPE_CUDA_TRY(fill_normal({weight.as<bf16>(), int64_t(n) * k, 0.02f, 2}, stream));
  TROUPE_CUDA_TRY(after(cudaMemset(ours.as<void>(), 0x3c, outputs * element)));
  TROUPE_CUDA_TRY(after(cudaMemset(theirs.as<void>(), 0x3c, outputs * element)));
  TROUPE_CUDA_TRY(after(cudaMemset(different.as<void>(), 0, sizeof(uint64_t))));
  TROUPE_CUDA_TRY(
      prefill.run({input.as<bf16>(), weight.as<bf16>(), theirs.as<void>(), tokens, n, k, result}, nullptr));
  for (int32_t at = 0; at < tokens; at += tokens_a_launch) {
    int32_t count = tokens - at < tokens_a_launch ? tokens - at : tokens_a_launch;
    TROUPE_CUDA_TRY(linear({input.as<bf16>() + int64_t(at) * k, weight.as<bf16>(),
                            ours.as<uint8_t>() + size_t(at) * size_t(n) * element, count, n, k, result},
                           stream));
  }
  int64_t words = int64_t(outputs * element / 4); // n is a multiple of 8
  count_different<<<1024, threads>>>(ours.as<uint32_t>(), theirs.as<uint32_t>(), words,
                                     different.as<unsigned long long>());
  uint64_t found = 0;
  TROUPE_CUDA_TRY(after(cudaMemcpy(&found, different.as<void>(), sizeof found, cudaMemcpyDeviceToHost)));
  out = {words, int64_t(found)};
  return launch_status::ok;
}

} // namespace troupe::cuda
