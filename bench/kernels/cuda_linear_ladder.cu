#include "bench/gpu/measure.hpp"
#include "bench/gpu/sections.hpp"
#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/random_fill.hpp"

#include <algorithm>
#include <cuda_bf16.h>

namespace troupe::cuda {

namespace {

struct shape {
  const char* name;
  int32_t n, k;
};

constexpr shape shapes[] = {{"qkv", 6144, 4096},
                            {"o", 4096, 4096},
                            {"gate_up", 28672, 4096},
                            {"down", 4096, 14336},
                            {"lm_head", 128256, 4096}};

constexpr int64_t pool_bytes = int64_t(6) << 30; // far past the L2 cache
constexpr int warps = 8;

/// Rung 0: one warp an output, 16 bytes a lane at a time, fp32 on the CUDA cores. Not the numeric definition:
/// 32 partial sums. It shows what a plain kernel reaches.
__global__ void __launch_bounds__(warps * 32)
    plain_kernel(const __nv_bfloat16* input, const __nv_bfloat16* weight, float* output, int32_t n,
                 int32_t k) {
  int32_t row = int32_t(blockIdx.x) * warps + int32_t(threadIdx.x) / 32;
  if (row >= n)
    return;
  const uint4* w = reinterpret_cast<const uint4*>(weight + int64_t(row) * k);
  const uint4* x = reinterpret_cast<const uint4*>(input);
  float sum = 0;
#pragma unroll 4
  for (int32_t i = int32_t(threadIdx.x) % 32; i < k / 8; i += 32) {
    uint4 a = __ldcs(w + i), b = x[i];
    const auto* p = reinterpret_cast<const __nv_bfloat162*>(&a);
    const auto* q = reinterpret_cast<const __nv_bfloat162*>(&b);
#pragma unroll
    for (int32_t j = 0; j < 4; ++j) {
      float2 f = __bfloat1622float2(p[j]), g = __bfloat1622float2(q[j]);
      sum = fmaf(f.y, g.y, fmaf(f.x, g.x, sum));
    }
  }
  for (int32_t step = 16; step > 0; step /= 2)
    sum += __shfl_xor_sync(~0u, sum, step);
  if (threadIdx.x % 32 == 0)
    output[row] = sum;
}

struct pool {
  bf16* weights = allocate_array<bf16>(static_cast<size_t>(pool_bytes / 2));
  bf16* input = allocate_array<bf16>(64 * 14336);
  float* output = allocate_array<float>(size_t(64) * 128256);
  int32_t next = 0;

  /// Another copy of the shape's weights each time.
  const bf16* weight(const shape& s) {
    int64_t elements = int64_t(s.n) * s.k;
    return weights + (next++ % (pool_bytes / 2 / elements)) * elements;
  }
};

/// Launches that read about 3 GB, so that no weight is still in the cache when it comes round.
int launches_of(const shape& s) {
  return std::max(4, static_cast<int>(int64_t(3) * 1000000000 / (int64_t(s.n) * s.k * 2)));
}

void row(const char* rung, const shape& s, int32_t tokens, const timing& t, int launches, double ceiling) {
  double bytes = static_cast<double>(s.n) * s.k * 2, us = t.median_us / launches;
  report(format("| %-44s | %-7s | %2d | %7.2f | %7.2f-%7.2f | %5.0f | %5.1f%% |", rung, s.name, tokens, us,
                t.lowest_us / launches, t.highest_us / launches, bytes / us / 1000,
                bytes / us / 10 / ceiling));
}

void rung(pool& p, cudaStream_t stream, double ceiling, const char* name, const shape& s, int32_t tokens,
          bool overlap, const linear_geometry& geometry) {
  int launches = launches_of(s);
  auto t = time_graph(
      stream,
      [&] {
        for (int i = 0; i < launches; ++i)
          must(linear({p.input, p.weight(s), p.output, tokens, s.n, s.k, linear_result::fp32_rows},
                      {stream, overlap}, geometry),
               "linear");
      },
      7, 2);
  row(name, s, tokens, t, launches, ceiling);
}

} // namespace

void bench_linear_ladder(cudaStream_t stream, double ceiling) {
  pool p;
  must(fill_normal({p.weights, pool_bytes / 2, 0.02f, 3}, {stream, false}), "fill");
  must(fill_normal({p.input, 64 * 14336, 1.0f, 4}, {stream, false}), "fill");
  must(cudaStreamSynchronize(stream), "fill");
  report("| rung | shape | tokens | us | spread | GB/s of weights | of read ceiling |");
  report("|---|---|---|---|---|---|---|");
  for (const auto& s : shapes) {
    int launches = launches_of(s);
    auto t = time_graph(
        stream,
        [&] {
          for (int i = 0; i < launches; ++i)
            plain_kernel<<<(s.n + warps - 1) / warps, warps * 32, 0, stream>>>(
                reinterpret_cast<const __nv_bfloat16*>(p.input),
                reinterpret_cast<const __nv_bfloat16*>(p.weight(s)), p.output, s.n, s.k);
        },
        7, 2);
    row("0 warp an output, CUDA cores", s, 1, t, launches, ceiling);
    for (int32_t kib : {48, 96, 144, 176, 208})
      rung(p, stream, ceiling, format("1 wgmma, ring of %d KiB, kernels in turn", kib).c_str(), s, 1, false,
           {0, kib * 1024});
    for (int32_t kib : {48, 80, 96, 144, 176, 208})
      rung(p, stream, ceiling, format("2 the same, overlapping kernels, %d KiB", kib).c_str(), s, 1, true,
           {0, kib * 1024});
    for (int32_t tile_rows : {16, 32, 48, 64, 112, 128, 144, 176, 224, 256})
      rung(p, stream, ceiling, format("3 %d rows a tile", tile_rows).c_str(), s, 1, true, {tile_rows, 0});
    for (int32_t tokens : {1, 8, 16, 32, 64})
      rung(p, stream, ceiling, "as shipped", s, tokens, true, {});
  }
}

} // namespace troupe::cuda
