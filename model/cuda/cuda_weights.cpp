#include "model/cuda/cuda_weights.hpp"

#include "kernels/cpu/rope.hpp"
#include "model/cuda/weight_upload.hpp"
#include "model/llama_weights.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <unordered_map>
#include <utility>

namespace troupe {

namespace {

constexpr size_t alignment = 256;
constexpr int32_t group_max = 16; // query heads that share a key head

size_t aligned(size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Cosine and sine of each pair: [positions, head_dim / 2, 2].
std::vector<float> rotary_pairs(int32_t positions, int32_t head_dim, double base) {
  const auto table = make_rope_table(positions, head_dim, base);
  const auto wide = static_cast<size_t>(head_dim);
  std::vector<float> out;
  out.reserve(static_cast<size_t>(positions) * wide);
  for (size_t p = 0; p < static_cast<size_t>(positions); ++p)
    for (size_t i = 0; i < wide; i += 2) {
      out.push_back(table.as<float>()[p * 2 * wide + i]);
      out.push_back(table.as<float>()[p * 2 * wide + wide + i + 1]);
    }
  return out;
}

} // namespace

status check_cuda_shape(const llama_parameters& parameters) {
  const auto& shape = parameters.shape;
  const auto refuse = [](const char* name, const char* wanted, int64_t got) {
    return failure(
        model_error::unsupported,
        fmt::format("{}: the card's kernels take {}, got {}: use device = cpu", name, wanted, got));
  };
  if (parameters.family.architecture != "llama")
    return failure(
        model_error::unsupported,
        fmt::format("general.architecture: the card's kernels compute llama, got {}: use device = cpu",
                    parameters.family.architecture));
  if (parameters.rope_divisor != 1.0)
    return failure(model_error::unsupported, "the card's kernels scale no rotation: use device = cpu");
  if (shape.head_dim != 64 && shape.head_dim != 128 && shape.head_dim != 256)
    return refuse("head_dim", "64, 128 and 256", shape.head_dim);
  if (shape.heads / shape.kv_heads > group_max)
    return refuse("heads / kv_heads", "at most 16", shape.heads / shape.kv_heads);
  if (shape.kv_heads > 256)
    return refuse("kv_heads", "at most 256", shape.kv_heads);
  if (shape.hidden % 8 != 0)
    return refuse("hidden", "a multiple of 8", shape.hidden);
  if (shape.feed_forward % 8 != 0)
    return refuse("feed_forward", "a multiple of 8", shape.feed_forward);
  for (const auto& window : parameters.windows)
    if (window.limited())
      return refuse("attention_window", "0 only", window.positions);
  return {};
}

size_t dequantized_bytes_max(const model_shape& shape) {
  const auto hidden = static_cast<size_t>(shape.hidden);
  const auto qkv = static_cast<size_t>(shape.query_width()) + 2 * static_cast<size_t>(shape.kv_width());
  return hidden *
         std::max(
             {qkv, static_cast<size_t>(shape.query_width()), 2 * static_cast<size_t>(shape.feed_forward)}) *
         sizeof(cuda::bf16);
}

/// Lays everything out first, then sends it.
class cuda_weights::loader {
public:
  loader(std::shared_ptr<const cuda::cuda_device> device, const llama_parameters& parameters,
         std::span<const tensor_view> tensors)
      : device_(std::move(device)), parameters_(parameters) {
    for (const auto& tensor : tensors)
      tensors_.emplace(tensor.name, &tensor);
  }

  result<cuda_weights> run(int32_t positions, memory_plan plan, const load_progress& progress) {
    lay_out(positions);
    plan.add("weights", end_);
    plan.add("sending them", 2 * weight_upload::buffer_bytes);
    const auto free = device_->free_bytes();
    if (!free)
      return forward_error(free);
    if (auto fits = plan.check(*free, fmt::format("{} ({})", device_->name(), device_->card())); !fits)
      return forward_error(fits);
    auto memory = cuda::cuda_memory::allocate(device_, end_, "weights");
    if (!memory)
      return forward_error(memory);
    out_.memory_ = std::move(*memory);
    place();
    auto upload = weight_upload::open(device_);
    if (!upload)
      return forward_error(upload);
    if (auto sent = send(*upload, progress); !sent)
      return forward_error(sent);
    return std::move(out_);
  }

private:
  struct placed_rows {
    weight_rows rows;
    size_t at; // in the memory
  };
  struct placed_values {
    std::vector<float> values;
    size_t at;
  };

  const tensor_view* find(const std::string& name) const { return tensors_.at(name); }

  size_t take(size_t bytes) { return std::exchange(end_, end_ + aligned(bytes)); }

  void add(weight_rows rows) {
    const auto bytes = rows.device_bytes();
    matrices_.push_back({std::move(rows), take(bytes)});
  }

  void add(std::vector<float> values) {
    const auto bytes = values.size() * sizeof(float);
    vectors_.push_back({std::move(values), take(bytes)});
  }

  void lay_out(int32_t positions) {
    const auto& shape = parameters_.shape;
    for (int32_t i = 0; i < shape.layers; ++i) {
      const auto tensor = [&](const char* part) { return find(fmt::format("blk.{}.{}.weight", i, part)); };
      add(widen_row(*tensor("attn_norm"), 0));
      add(widen_row(*tensor("ffn_norm"), 0));
      add(weight_rows({tensor("attn_q"), tensor("attn_k"), tensor("attn_v")}));
      add(weight_rows({tensor("attn_output")}));
      add(weight_rows({tensor("ffn_gate"), tensor("ffn_up")}, weight_rows::order::in_turns));
      add(weight_rows({tensor("ffn_down")}));
    }
    for (const auto& each : matrices_)
      if (each.rows.format() != cuda::weight_format::bf16_rows)
        out_.dequantized_bytes_ = std::max(out_.dequantized_bytes_,
                                           static_cast<size_t>(each.rows.rows()) *
                                               static_cast<size_t>(each.rows.columns()) * sizeof(cuda::bf16));
    add(weight_rows({find("token_embd.weight")}));
    if (tensors_.contains("output.weight"))
      add(weight_rows({find("output.weight")}));
    add(widen_row(*find("output_norm.weight"), 0));
    add(rotary_pairs(positions, shape.head_dim, parameters_.rope_base));
    auto& head = out_.head_;
    head.layer_count = shape.layers;
    head.hidden = shape.hidden;
    head.intermediate = shape.feed_forward;
    head.heads = shape.heads;
    head.kv_heads = shape.kv_heads;
    head.head_dim = shape.head_dim;
    head.vocabulary = shape.vocabulary;
    head.table_positions = positions;
    head.epsilon = parameters_.norm_epsilon;
  }

  cuda::weight_matrix on_device(const placed_rows& each) const {
    return {static_cast<const void*>(out_.memory_.data() + each.at), each.rows.format()};
  }
  const float* on_device(const placed_values& each) const {
    return reinterpret_cast<const float*>(out_.memory_.data() + each.at);
  }

  void place() {
    auto* next = matrices_.data();
    auto* row = vectors_.data();
    for (int32_t i = 0; i < parameters_.shape.layers; ++i, next += 4, row += 2)
      out_.layers_.push_back({on_device(row[0]),
                              on_device(next[0]),
                              on_device(next[1]),
                              on_device(row[1]),
                              on_device(next[2]),
                              on_device(next[3]),
                              {}});
    auto& head = out_.head_;
    head.embedding = on_device(*next);
    head.output = on_device(matrices_.back()); // the same where they are tied
    head.output_norm = on_device(row[0]);
    head.rope_table = on_device(row[1]);
  }

  status send(weight_upload& upload, const load_progress& progress) {
    size_t done = 0;
    const auto sent = [&](size_t bytes) {
      done += bytes;
      if (progress)
        progress(std::min(done, end_), end_);
    };
    for (const auto& each : matrices_)
      if (auto ok = upload.send(each.rows, out_.memory_.data() + each.at, sent); !ok)
        return ok;
    for (const auto& each : vectors_) {
      const auto bytes = each.values.size() * sizeof(float);
      if (auto ok = device_->check(
              device_->calls().copy(out_.memory_.data() + each.at, each.values.data(), bytes, nullptr),
              "sending norms");
          !ok)
        return ok;
      sent(bytes);
    }
    if (auto ok = device_->check(device_->calls().wait(nullptr), "sending norms"); !ok)
      return ok;
    if (auto ok = upload.finish(); !ok)
      return ok;
    if (progress)
      progress(end_, end_);
    return {};
  }

  std::shared_ptr<const cuda::cuda_device> device_;
  const llama_parameters& parameters_;
  std::unordered_map<std::string_view, const tensor_view*> tensors_;
  std::vector<placed_rows> matrices_;  // four a layer, then the embedding and, untied, the output
  std::vector<placed_values> vectors_; // two a layer, then the output's norm and the rotary table
  size_t end_ = 0;                     // of the memory, bytes
  cuda_weights out_;
};

result<cuda_weights> cuda_weights::load(std::shared_ptr<const cuda::cuda_device> device,
                                        const llama_parameters& parameters, int32_t positions,
                                        std::span<const tensor_view> tensors, memory_plan rest,
                                        const load_progress& progress) {
  if (auto checked = check_llama_tensors(parameters, tensors); !checked)
    return forward_error(checked);
  for (const auto& tensor : tensors)
    if (tensor.name == "rope_freqs.weight")
      return failure(model_error::unsupported,
                     "rope_freqs.weight: the card's kernels scale no rotation: use device = cpu");
  return loader(std::move(device), parameters, tensors).run(positions, std::move(rest), progress);
}

} // namespace troupe
