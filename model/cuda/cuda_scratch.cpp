#include "model/cuda/cuda_scratch.hpp"

#include "model/cuda/cuda_step.hpp"
#include "model/cuda/cuda_weights.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

constexpr size_t alignment = 256;
constexpr int32_t partial_blocks_min = 4096; // 64 sequences of 8,192 positions

/// Where each buffer begins, and where the last one ends.
struct layout {
  size_t residual, normed, qkv, attended, activated, gate_up, dequantized, logits, partials, counters, best,
      rows_done, words, end;
  size_t partial_bytes;
};

layout lay_out(const model_shape& shape, const cuda_step_limits& limits) {
  const auto tokens = static_cast<size_t>(limits.tokens), hidden = static_cast<size_t>(shape.hidden);
  const auto query = static_cast<size_t>(shape.query_width()), kv = static_cast<size_t>(shape.kv_width());
  const auto wide = static_cast<size_t>(shape.feed_forward);
  const auto sequences = static_cast<size_t>(cuda_scratch::decode_sequences_max);
  size_t end = 0;
  const auto take = [&end](size_t bytes) {
    return std::exchange(end, end + (bytes + alignment - 1) / alignment * alignment);
  };
  const auto partials = cuda::decode_attention_partial_bytes(
      1, shape.heads, shape.head_dim, std::max(limits.positions, partial_blocks_min * cuda::attention_block));
  layout out{};
  out.partial_bytes = partials;
  out.residual = take(tokens * hidden * sizeof(float));
  out.normed = take(std::max(tokens, sequences) * hidden * sizeof(cuda::bf16));
  out.qkv = take(tokens * (query + 2 * kv) * sizeof(cuda::bf16));
  out.attended = take(tokens * query * sizeof(cuda::bf16));
  out.activated = take(tokens * wide * sizeof(cuda::bf16));
  out.gate_up = take(tokens * 2 * wide * sizeof(cuda::bf16));
  out.dequantized = take(dequantized_bytes_max(shape));
  out.logits = take(static_cast<size_t>(cuda_scratch::logit_rows_max) *
                    static_cast<size_t>(shape.vocabulary) * sizeof(float));
  out.partials = take(partials);
  out.counters = take(std::max(sequences, static_cast<size_t>(limits.sequences)) *
                      static_cast<size_t>(shape.kv_heads) * sizeof(uint32_t));
  out.best = take(sequences * sizeof(uint64_t));
  out.rows_done = take(sequences * sizeof(uint32_t));
  out.words = take(cuda_step::words_max(limits.tokens, limits.sequences, pages_of(limits.positions)) *
                   sizeof(int32_t));
  out.end = end;
  return out;
}

} // namespace

memory_plan cuda_scratch::plan(const model_shape& shape, const cuda_step_limits& limits) {
  const auto at = lay_out(shape, limits);
  memory_plan out;
  out.add("activations", at.dequantized);
  out.add("a layer's widened weights", at.logits - at.dequantized);
  out.add("logits", at.partials - at.logits);
  out.add("partial attention", at.counters - at.partials);
  out.add("step tables", at.end - at.counters);
  return out;
}

result<cuda_scratch> cuda_scratch::create(std::shared_ptr<const cuda::cuda_device> device,
                                          const model_shape& shape, const cuda_step_limits& limits) {
  const auto at = lay_out(shape, limits);
  auto memory = cuda::cuda_memory::allocate(device, at.end, "steps");
  if (!memory)
    return forward_error(memory);
  using cuda::cuda_memory;
  auto words = cuda_memory::allocate(device, at.end - at.words, "step tables", cuda_memory::place::host);
  if (!words)
    return forward_error(words);
  auto logits =
      cuda_memory::allocate(device, at.partials - at.logits, "fetching logits", cuda_memory::place::host);
  if (!logits)
    return forward_error(logits);
  // Counters begin as zeros, and nothing should begin as what another process left.
  if (auto done = device->check(device->calls().fill(memory->data(), 0, at.end, nullptr), "clearing"); !done)
    return forward_error(done);
  if (auto done = device->check(device->calls().wait(nullptr), "clearing"); !done)
    return forward_error(done);
  cuda_scratch out;
  const auto of = [&](size_t offset) { return memory->data() + offset; };
  out.buffers_ = {
      reinterpret_cast<float*>(of(at.residual)),       reinterpret_cast<cuda::bf16*>(of(at.normed)),
      reinterpret_cast<cuda::bf16*>(of(at.qkv)),       reinterpret_cast<cuda::bf16*>(of(at.attended)),
      reinterpret_cast<cuda::bf16*>(of(at.activated)), reinterpret_cast<float*>(of(at.logits)),
      reinterpret_cast<float*>(of(at.partials)),       reinterpret_cast<uint32_t*>(of(at.counters)),
      reinterpret_cast<uint64_t*>(of(at.best)),        reinterpret_cast<uint32_t*>(of(at.rows_done))};
  out.gate_up_ = reinterpret_cast<cuda::bf16*>(of(at.gate_up));
  out.dequantized_ = reinterpret_cast<cuda::bf16*>(of(at.dequantized));
  out.words_ = reinterpret_cast<int32_t*>(of(at.words));
  out.partial_bytes_ = at.partial_bytes;
  out.heads_ = shape.heads;
  out.head_dim_ = shape.head_dim;
  out.memory_ = std::move(*memory);
  out.pinned_words_ = std::move(*words);
  out.pinned_logits_ = std::move(*logits);
  return out;
}

bool cuda_scratch::holds_partials(int32_t sequences, int32_t context_max) const {
  return cuda::decode_attention_partial_bytes(sequences, heads_, head_dim_, context_max) <= partial_bytes_;
}

} // namespace troupe
