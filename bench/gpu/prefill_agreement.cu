#include "bench/gpu/measure.hpp"
#include "bench/gpu/sections.hpp"
#include "kernels/cuda/prefill_linear.hpp"
#include "kernels/cuda/random_fill.hpp"

namespace troupe::cuda {

void bench_prefill_agreement(cudaStream_t stream) {
  struct shape {
    const char* name;
    int32_t n, k;
    linear_result result;
  };
  constexpr shape shapes[] = {{"Llama-3-8B qkv", 6144, 4096, linear_result::bf16_rows},
                              {"Llama-3-8B o", 4096, 4096, linear_result::add_to_fp32},
                              {"Llama-3-8B gate_up", 28672, 4096, linear_result::bf16_rows},
                              {"Llama-3-8B down", 4096, 14336, linear_result::add_to_fp32},
                              {"Llama-3-8B lm_head", 128256, 4096, linear_result::fp32_rows},
                              {"Qwen2.5-7B qkv", 4608, 3584, linear_result::bf16_rows},
                              {"Qwen2.5-7B o", 3584, 3584, linear_result::add_to_fp32},
                              {"Qwen2.5-7B gate_up", 37888, 3584, linear_result::bf16_rows},
                              {"Qwen2.5-7B down", 3584, 18944, linear_result::add_to_fp32},
                              {"SmolLM2-135M qkv", 960, 576, linear_result::bf16_rows},
                              {"SmolLM2-135M gate_up", 3072, 576, linear_result::bf16_rows},
                              {"SmolLM2-135M down", 576, 1536, linear_result::add_to_fp32},
                              {"Gemma-3-270M qkv", 1536, 640, linear_result::bf16_rows},
                              {"Gemma-3-270M down", 640, 2048, linear_result::add_to_fp32}};
  std::unique_ptr<prefill_linear> prefill;
  must(prefill_linear::open(prefill), "cuBLASLt");
  report("| prefill product | tokens | different words | compared | us | TFLOP/s |");
  report("|---|---|---|---|---|---|");
  for (const auto& s : shapes)
    for (int32_t tokens : {80, 128, 256, 512, 2048, 8192}) {
      if (s.n == 128256 && tokens > 80)
        continue; // prefill needs logits of last rows only
      linear_agreement found{};
      must(compare_prefill_linear(*prefill, tokens, s.n, s.k, s.result, found), "self-test");
      auto elements = [](int32_t a, int32_t b) { return static_cast<size_t>(a) * static_cast<size_t>(b); };
      bf16 *x = allocate_array<bf16>(elements(tokens, s.k)), *w = allocate_array<bf16>(elements(s.n, s.k));
      float* y = allocate_array<float>(elements(tokens, s.n));
      must(fill_normal({x, int64_t(elements(tokens, s.k)), 1.0f, 5}, {stream, false}), "fill");
      must(fill_normal({w, int64_t(elements(s.n, s.k)), 0.02f, 6}, {stream, false}), "fill");
      must(cudaMemsetAsync(y, 0, elements(tokens, s.n) * 4, stream), "fill");
      must(cudaStreamSynchronize(stream), "fill");
      auto t = time_graph(
          stream,
          [&] {
            must(prefill->run({x, w, y, tokens, s.n, s.k, s.result}, stream), "cuBLASLt");
          },
          7, 10);
      report(format("| %s %dx%d | %d | %lld | %lld | %.1f | %.0f |", s.name, s.n, s.k, tokens,
                    static_cast<long long>(found.different), static_cast<long long>(found.compared),
                    t.median_us, 2.0 * tokens * s.n * s.k / t.median_us / 1e6));
      cudaFree(x);
      cudaFree(w);
      cudaFree(y);
    }
}

} // namespace troupe::cuda
