#include "kernels/cuda/argmax.hpp"
#include "kernels/cuda/decode_attention.hpp"
#include "kernels/cuda/embed_packed.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/llama_prefill.hpp"
#include "kernels/cuda/quantized_linear.hpp"
#include "kernels/cuda/quantized_pack.hpp"
#include "kernels/cuda/rms_norm.hpp"
#include "kernels/cuda/rope_append.hpp"
#include "kernels/cuda/silu_multiply.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::cuda {

namespace {

constexpr int32_t rows_of_linear = 64;

/// Launches in order until one fails.
class prefill_launcher {
public:
  prefill_launcher(const llama_weights& weights, const llama_scratch& scratch,
                   const llama_prefill_params& params, prefill_linear* many_rows, const gpu_stream& stream)
      : weights_(weights), scratch_(scratch), params_(params), many_rows_(many_rows), stream_(stream) {}

  launch_status run() {
    then(embed_from(weights_.embedding, params_.token, scratch_.residual, params_.tokens, weights_.hidden,
                    weights_.vocabulary, stream_));
    for (int32_t i = 0; i < weights_.layer_count && status_ == launch_status::ok; ++i)
      run_layer(weights_.layers[i]);
    if (params_.logit_count == 0)
      return status_;
    norm(weights_.output_norm, params_.logit_count, params_.logit_rows);
    product(scratch_.normed, weights_.output, scratch_.logits, params_.logit_count, weights_.vocabulary,
            weights_.hidden, linear_result::fp32_rows);
    if (status_ == launch_status::ok)
      then(argmax({scratch_.logits, params_.next_token, scratch_.best, scratch_.rows_done,
                   params_.logit_count, weights_.vocabulary},
                  stream_));
    return status_;
  }

private:
  void then(launch_status next) { status_ = next; }

  void norm(const float* weight, int32_t rows, const int32_t* which) {
    if (status_ == launch_status::ok)
      then(rms_norm(
          {scratch_.residual, weight, scratch_.normed, rows, weights_.hidden, weights_.epsilon, which},
          stream_));
  }

  void product(const bf16* input, const weight_matrix& weight, void* output, int32_t rows, int32_t n,
               int32_t k, linear_result result) {
    if (rows > rows_of_linear && many_rows_ != nullptr) {
      const bf16* values = weight.rows();
      if (weight.format != weight_format::bf16_rows) {
        values = params_.dequantized;
        if (status_ == launch_status::ok)
          then(dequantize({weight.data, params_.dequantized, weight.format, n, k}, stream_));
      }
      if (status_ == launch_status::ok)
        then(many_rows_->run({input, values, output, rows, n, k, result}, stream_.handle));
      return;
    }
    int64_t row_bytes = int64_t(n) * (result == linear_result::bf16_rows ? 2 : 4);
    for (int32_t at = 0; at < rows && status_ == launch_status::ok; at += rows_of_linear) {
      const bf16* from = input + int64_t(at) * k;
      void* to = static_cast<uint8_t*>(output) + at * row_bytes;
      int32_t count = std::min(rows_of_linear, rows - at);
      if (weight.format == weight_format::bf16_rows)
        then(linear({from, weight.rows(), to, count, n, k, result}, stream_));
      else
        then(quantized_linear({from, weight.data, to, count, n, k, result, weight.format}, stream_));
    }
  }

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(weights_.head_dim)); }

  void attend(const llama_layer& layer) {
    if (params_.decode_slices < params_.slice_count)
      attend_to_prompts(layer);
    if (params_.decode_slices > 0 && status_ == launch_status::ok)
      then(decode_attention({scratch_.qkv, weights_.rope_table, params_.positions, params_.block_tables,
                             layer.pages, scratch_.attended, scratch_.partials, scratch_.counters,
                             params_.decode_slices, weights_.heads, params_.table_stride,
                             weights_.table_positions, params_.decode_context, scale()},
                            stream_));
  }

  /// The slices behind those that decode, and so their tokens behind as many.
  void attend_to_prompts(const llama_layer& layer) {
    const int32_t first = params_.decode_slices;
    const int64_t row = (weights_.heads + 2 * int64_t(weights_.kv_heads)) * weights_.head_dim;
    if (status_ == launch_status::ok)
      then(rope_append({scratch_.qkv + first * row, weights_.rope_table, params_.positions + first,
                        params_.sequences + first, params_.block_tables, layer.pages, params_.tokens - first,
                        weights_.heads, params_.table_stride, weights_.table_positions},
                       stream_));
    if (status_ == launch_status::ok)
      then(prefill_attention({scratch_.qkv, params_.slices + first, params_.block_tables, layer.pages,
                              scratch_.attended, params_.slice_count - first, weights_.heads,
                              params_.table_stride, params_.tokens_max, params_.tokens, scale()},
                             stream_));
  }

  void run_layer(const llama_layer& layer) {
    int32_t hidden = weights_.hidden, wide = weights_.heads * weights_.head_dim, tokens = params_.tokens;
    norm(layer.attention_norm, tokens, nullptr);
    product(scratch_.normed, layer.qkv, scratch_.qkv, tokens,
            wide + 2 * weights_.kv_heads * weights_.head_dim, hidden, linear_result::bf16_rows);
    attend(layer);
    product(scratch_.attended, layer.attention_output, scratch_.residual, tokens, hidden, wide,
            linear_result::add_to_fp32);
    norm(layer.feed_norm, tokens, nullptr);
    product(scratch_.normed, layer.gate_up, params_.gate_up, tokens, 2 * weights_.intermediate, hidden,
            linear_result::bf16_rows);
    if (status_ == launch_status::ok)
      then(silu_multiply({params_.gate_up, scratch_.activated, tokens, weights_.intermediate}, stream_));
    product(scratch_.activated, layer.down, scratch_.residual, tokens, hidden, weights_.intermediate,
            linear_result::add_to_fp32);
  }

  const llama_weights& weights_;
  const llama_scratch& scratch_;
  const llama_prefill_params& params_;
  prefill_linear* many_rows_;
  const gpu_stream& stream_;
  launch_status status_ = launch_status::ok;
};

} // namespace

launch_status llama_prefill(const llama_weights& weights, const llama_scratch& scratch,
                            const llama_prefill_params& params, prefill_linear* many_rows,
                            const gpu_stream& stream) {
  TROUPE_CUDA_RANGE(weights.layer_count, 1, 1024);
  TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.logit_count, 0, params.tokens);
  TROUPE_CUDA_RANGE(params.decode_slices, 0, params.slice_count);
  return prefill_launcher(weights, scratch, params, many_rows, stream).run();
}

launch_status llama_logits(const llama_weights& weights, const llama_scratch& scratch, const int32_t* rows,
                           int32_t count, const gpu_stream& stream) {
  TROUPE_CUDA_RANGE(count, 1, rows_of_linear);
  if (auto s = rms_norm({scratch.residual, weights.output_norm, scratch.normed, count, weights.hidden,
                         weights.epsilon, rows},
                        stream);
      s != launch_status::ok)
    return s;
  const auto& head = weights.output;
  if (head.format == weight_format::bf16_rows)
    return linear({scratch.normed, head.rows(), scratch.logits, count, weights.vocabulary, weights.hidden,
                   linear_result::fp32_rows},
                  stream);
  return quantized_linear({scratch.normed, head.data, scratch.logits, count, weights.vocabulary,
                           weights.hidden, linear_result::fp32_rows, head.format},
                          stream);
}

} // namespace troupe::cuda
