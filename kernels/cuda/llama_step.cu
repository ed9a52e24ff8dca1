#include "kernels/cuda/argmax.hpp"
#include "kernels/cuda/decode_attention.hpp"
#include "kernels/cuda/embed_packed.hpp"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/llama_step.hpp"
#include "kernels/cuda/quantized_linear.hpp"
#include "kernels/cuda/rms_norm.hpp"

#include <cmath>

namespace troupe::cuda {

namespace {

/// Launches in order until one fails.
class step_launcher {
public:
  step_launcher(const llama_weights& weights, const llama_scratch& scratch, const llama_decode_params& params,
                const gpu_stream& stream)
      : weights_(weights), scratch_(scratch), params_(params), stream_(stream) {}

  launch_status run() {
    then(embed_from(weights_.embedding, params_.token, scratch_.residual, params_.sequences, weights_.hidden,
                    weights_.vocabulary, stream_));
    for (int32_t i = 0; i < weights_.layer_count && status_ == launch_status::ok; ++i)
      run_layer(weights_.layers[i]);
    norm(weights_.output_norm);
    product(scratch_.normed, weights_.output, scratch_.logits, weights_.vocabulary, weights_.hidden,
            linear_result::fp32_rows);
    if (status_ == launch_status::ok)
      then(argmax({scratch_.logits, params_.token, scratch_.best, scratch_.rows_done, params_.sequences,
                   weights_.vocabulary},
                  stream_));
    return status_;
  }

private:
  void then(launch_status next) { status_ = next; }

  void norm(const float* weight) {
    if (status_ == launch_status::ok)
      then(rms_norm(
          {scratch_.residual, weight, scratch_.normed, params_.sequences, weights_.hidden, weights_.epsilon},
          stream_));
  }

  void product(const bf16* input, const weight_matrix& weight, void* output, int32_t n, int32_t k,
               linear_result result) {
    if (status_ != launch_status::ok)
      return;
    if (weight.format == weight_format::bf16_rows)
      then(linear({input, weight.rows(), output, params_.sequences, n, k, result}, stream_));
    else
      then(quantized_linear({input, weight.data, output, params_.sequences, n, k, result, weight.format},
                            stream_));
  }

  void attend(const llama_layer& layer) {
    if (status_ != launch_status::ok)
      return;
    decode_attention_params p{};
    p.qkv = scratch_.qkv;
    p.rope_table = weights_.rope_table;
    p.positions = params_.positions;
    p.block_tables = params_.block_tables;
    p.pages = layer.pages;
    p.output = scratch_.attended;
    p.partials = scratch_.partials;
    p.counters = scratch_.counters;
    p.sequences = params_.sequences;
    p.heads = weights_.heads;
    p.table_stride = params_.table_stride;
    p.table_positions = weights_.table_positions;
    p.context_max = params_.context_max;
    p.scale = 1.0f / std::sqrt(static_cast<float>(weights_.head_dim));
    then(decode_attention(p, stream_));
  }

  void run_layer(const llama_layer& layer) {
    int32_t hidden = weights_.hidden, wide = weights_.heads * weights_.head_dim;
    norm(layer.attention_norm);
    product(scratch_.normed, layer.qkv, scratch_.qkv, wide + 2 * weights_.kv_heads * weights_.head_dim,
            hidden, linear_result::bf16_rows);
    attend(layer);
    product(scratch_.attended, layer.attention_output, scratch_.residual, hidden, wide,
            linear_result::add_to_fp32);
    norm(layer.feed_norm);
    product(scratch_.normed, layer.gate_up, scratch_.activated, 2 * weights_.intermediate, hidden,
            linear_result::silu_bf16);
    product(scratch_.activated, layer.down, scratch_.residual, hidden, weights_.intermediate,
            linear_result::add_to_fp32);
  }

  const llama_weights& weights_;
  const llama_scratch& scratch_;
  const llama_decode_params& params_;
  const gpu_stream& stream_;
  launch_status status_ = launch_status::ok;
};

} // namespace

launch_status llama_decode(const llama_weights& weights, const llama_scratch& scratch,
                           const llama_decode_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_RANGE(weights.layer_count, 1, 1024);
  TROUPE_CUDA_RANGE(params.sequences, 1, 64);
  return step_launcher(weights, scratch, params, stream).run();
}

} // namespace troupe::cuda
