#include "bench/gpu/measure.hpp"
#include "bench/gpu/sections.hpp"

#include <algorithm>
#include <cstdint>

namespace troupe::cuda {

namespace {

constexpr int threads = 512;
constexpr int loads = 8; // 16 bytes each, in flight a thread

__global__ void __launch_bounds__(threads) read_kernel(const uint4* data, int64_t count, uint32_t* sink) {
  uint32_t sum = 0;
  int64_t step = int64_t(gridDim.x) * threads * loads;
  for (int64_t i = (int64_t(blockIdx.x) * loads) * threads + threadIdx.x; i < count; i += step) {
    uint4 values[loads];
#pragma unroll
    for (int j = 0; j < loads; ++j)
      values[j] = i + j * threads < count ? __ldcs(data + i + j * threads) : uint4{};
#pragma unroll
    for (auto& v : values)
      sum ^= v.x ^ v.y ^ v.z ^ v.w;
  }
  if (sum == 0x12345678) // keeps the loads; nearly never true, and harmless
    *sink = sum;
}

} // namespace

double bench_read_ceiling(cudaStream_t stream) {
  constexpr int64_t bytes = int64_t(8) << 30;
  void* data = nullptr;
  uint32_t* sink = allocate_array<uint32_t>(1);
  must(cudaMalloc(&data, bytes), "device memory");
  must(cudaMemset(data, 0x5a, bytes), "fill");
  double best = 0;
  for (int blocks_a_multiprocessor : {1, 2, 4}) {
    auto t = time_graph(
        stream,
        [&] {
          read_kernel<<<132 * blocks_a_multiprocessor, threads, 0, stream>>>(static_cast<const uint4*>(data),
                                                                             bytes / 16, sink);
        },
        7, 3);
    double rate = static_cast<double>(bytes) / t.median_us / 1000.0;
    report(format("read ceiling: %d blocks of %d threads an SM: %.0f GB/s (%.0f to %.0f)",
                  blocks_a_multiprocessor, threads, rate, static_cast<double>(bytes) / t.highest_us / 1000.0,
                  static_cast<double>(bytes) / t.lowest_us / 1000.0));
    best = std::max(best, rate);
  }
  cudaFree(data);
  return best;
}

} // namespace troupe::cuda
