#include "bench/gpu/measure.hpp"
#include "bench/gpu/random_cells.hpp"
#include "bench/gpu/sections.hpp"
#include "kernels/cuda/quantized_linear.hpp"
#include "kernels/cuda/random_fill.hpp"

#include <algorithm>

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

constexpr int64_t pool_bytes = int64_t(1) << 30; // far past the L2 cache

struct quantized_pool {
  weight_format format;
  bf16* input = allocate_array<bf16>(64 * 14336);
  float* output = allocate_array<float>(size_t(64) * 128256);
  weight_matrix cells{};
  int64_t next = 0;

  /// Another place of the pool each time. Every shape's K is whole cells.
  const void* weight(const shape& s) {
    auto bytes = int64_t(packed_bytes(format, s.n, s.k));
    return static_cast<const uint8_t*>(cells.data) + next++ % (pool_bytes / bytes) * bytes;
  }
};

void rung(quantized_pool& p, cudaStream_t stream, double ceiling, const char* name, const char* format_name,
          const shape& s, int32_t tokens, bool overlap, const linear_geometry& geometry) {
  auto bytes = static_cast<double>(packed_bytes(p.format, s.n, s.k));
  int launches = std::max(4, static_cast<int>(1.5e9 / bytes));
  auto t = time_graph(
      stream,
      [&] {
        for (int i = 0; i < launches; ++i)
          must(quantized_linear(
                   {p.input, p.weight(s), p.output, tokens, s.n, s.k, linear_result::fp32_rows, p.format},
                   {stream, overlap}, geometry),
               "product");
      },
      5, 2);
  double us = t.median_us / launches;
  report(format("| %s | %s | %s | %d | %.2f | %.2f-%.2f | %.0f | %.1f%% |", name, format_name, s.name, tokens,
                us, t.lowest_us / launches, t.highest_us / launches, bytes / us / 1000,
                bytes / us / 10 / ceiling));
}

} // namespace

void bench_quantized_ladder(cudaStream_t stream, double ceiling) {
  report("| packed product | weights | shape | tokens | us | spread | GB/s of weights | of read ceiling |");
  report("|---|---|---|---|---|---|---|---|");
  struct named {
    weight_format format;
    const char* name;
  };
  for (auto [of, name] : {named{weight_format::q4_1, "Q4_1"}, named{weight_format::q4_k, "Q4_K"},
                          named{weight_format::q8_0, "Q8_0"}}) {
    quantized_pool p{of};
    auto a_row = int64_t(packed_bytes(of, cell_rows, 4096));
    p.cells = random_cells(of, int32_t(pool_bytes / a_row) * cell_rows, 4096, 9, stream);
    must(fill_normal({p.input, 64 * 14336, 1.0f, 4}, {stream, false}), "fill");
    must(cudaStreamSynchronize(stream), "fill");
    for (const auto& s : shapes) {
      rung(p, stream, ceiling, "kernels in turn", name, s, 1, false, {});
      for (int32_t tile_rows : {32, 48, 64, 80, 96, 128, 192, 224})
        if (of != weight_format::q8_0)
          rung(p, stream, ceiling, format("%d rows a tile", tile_rows).c_str(), name, s, 1, true,
               {tile_rows, 0});
      for (int32_t tokens : {1, 8, 16, 32, 64})
        rung(p, stream, ceiling, "as shipped", name, s, tokens, true, {});
    }
  }
}

} // namespace troupe::cuda
