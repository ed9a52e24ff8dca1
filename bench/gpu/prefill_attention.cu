#include "bench/gpu/measure.hpp"
#include "bench/gpu/sections.hpp"
#include "kernels/cuda/prefill_attention.hpp"
#include "kernels/cuda/random_fill.hpp"

#include <numeric>

namespace troupe::cuda {

void bench_prefill_attention(cudaStream_t stream) {
  constexpr int32_t heads = 32, kv_heads = 8, head_dim = 128, tokens_max = 16384,
                    pages = tokens_max / page_tokens;
  constexpr int64_t page_elements = kv_page_elements(kv_heads, head_dim);
  constexpr size_t qkv_elements = size_t(tokens_max) * (heads + 2 * kv_heads) * head_dim;
  bf16 *qkv = allocate_array<bf16>(qkv_elements), *base = allocate_array<bf16>(size_t(pages * page_elements));
  bf16* output = allocate_array<bf16>(size_t(tokens_max) * heads * head_dim);
  must(fill_normal({qkv, int64_t(qkv_elements), 1.0f, 7}, {stream, false}), "fill");
  must(fill_normal({base, pages * page_elements, 1.0f, 8}, {stream, false}), "fill");
  std::vector<int32_t> table(pages);
  std::iota(table.begin(), table.end(), 0);
  int32_t* tables = allocate_array<int32_t>(pages);
  prefill_slice* slices = allocate_array<prefill_slice>(1);
  must(cudaMemcpy(tables, table.data(), table.size() * sizeof(int32_t), cudaMemcpyHostToDevice), "table");
  report("| prefill attention, 32 heads, 8 of keys, dim 128 | tokens | us | spread | TFLOP/s, causal half |");
  report("|---|---|---|---|---|");
  for (bool hopper : {false, true})
    for (int32_t tokens : {512, 2048, 8192, 16384}) {
      prefill_slice slice{0, tokens, 0, 0};
      must(cudaMemcpy(slices, &slice, sizeof slice, cudaMemcpyHostToDevice), "slice");
      auto t = time_graph(
          stream,
          [&] {
            must(prefill_attention({qkv,
                                    slices,
                                    tables,
                                    {base, page_elements, kv_heads, head_dim},
                                    output,
                                    1,
                                    heads,
                                    pages,
                                    tokens,
                                    tokens,
                                    0.088388348f},
                                   {stream, false},
                                   hopper ? attention_path::warpgroups : attention_path::warps),
                 "attention");
          },
          5, 3);
      report(format("| %s | %d | %.1f | %.1f-%.1f | %.0f |", hopper ? "wgmma" : "mma.sync", tokens,
                    t.median_us, t.lowest_us, t.highest_us,
                    2.0 * tokens * tokens * head_dim * heads / t.median_us / 1e6));
    }
  for (void* p : {static_cast<void*>(qkv), static_cast<void*>(base), static_cast<void*>(output),
                  static_cast<void*>(tables), static_cast<void*>(slices)})
    cudaFree(p);
}

} // namespace troupe::cuda
