#include "bench/gpu/measure.hpp"
#include "bench/gpu/random_cells.hpp"

#include <cuda_fp16.h>

namespace troupe::cuda {

namespace {

constexpr int threads = 256;

__global__ void __launch_bounds__(threads)
    fill_cells(uint32_t* words, int64_t count, int32_t cell_words, int32_t weight_words, weight_format format,
               uint64_t seed) {
  for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < count;
       i += int64_t(gridDim.x) * threads) {
    uint64_t z = (seed << 40) + uint64_t(i) * 0x9e3779b97f4a7c15ull; // SplitMix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    auto word = uint32_t(z ^ (z >> 31));
    int32_t place = int32_t(i % cell_words) - weight_words;
    __half2 scales{};
    if (format == weight_format::q4_1)
      scales = __floats2half2_rn(0.02f / 4.6f, -0.15f / 4.6f);
    else if (format == weight_format::q4_k)
      scales = __floats2half2_rn(0.02f / 4.6f / 36, 0.15f / 4.6f / 36);
    else
      scales = __floats2half2_rn(0.02f / 74, 0.02f / 74);
    if (format == weight_format::q4_k && place >= 0 && place < 32) // six bits of scale and minimum, near 36
      words[i] = 0x20202020 | (word & 0x0F0F0F0F);
    else
      words[i] = place < 0 ? word : *reinterpret_cast<uint32_t*>(&scales);
  }
}

} // namespace

weight_matrix random_cells(weight_format format, int32_t n, int32_t k, uint64_t seed, cudaStream_t stream) {
  size_t bytes = packed_bytes(format, n, k);
  auto* words = static_cast<uint32_t*>(allocate(bytes));
  fill_cells<<<4096, threads, 0, stream>>>(words, int64_t(bytes / 4), cell_bytes(format) / 4,
                                           format == weight_format::q8_0 ? 512 : 256, format, seed);
  must(cudaGetLastError(), "random cells");
  return {words, format};
}

} // namespace troupe::cuda
