#include "tests/reference/reference_llama.hpp"

#include "tests/reference/dequantize.hpp"
#include "tests/reference/reference_attention.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace troupe::reference {

namespace {

using values = std::vector<double>;

constexpr size_t lanes = 16; // outputs side by side, so that the compiler vectorizes without reordering sums
constexpr size_t batch = 4;  // positions that share a weight

/// Calls task(i) for i in [0, count) from several threads.
template <class Task>
void parallel(int threads, size_t count, const Task& task) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (auto i = next++; i < count; i = next++)
      task(i);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back(work);
  work();
  for (auto& other : others)
    other.join();
}

using eight = double __attribute__((vector_size(64))); // lowered to what the machine has

/// sums [batch, lanes] = x [batch rows of stride, columns] * w [columns, lanes]
__attribute__((target_clones("avx512f", "avx2", "default"))) void
multiply(const double* x, size_t stride, const double* w, size_t columns, double* sums) {
  eight a[batch][2] = {};
  for (size_t k = 0; k < columns; ++k) {
    eight low, high;
    std::memcpy(&low, w + k * lanes, sizeof low);
    std::memcpy(&high, w + k * lanes + 8, sizeof high);
#pragma GCC unroll 4
    for (size_t t = 0; t < batch; ++t) {
      a[t][0] += x[t * stride + k] * low;
      a[t][1] += x[t * stride + k] * high;
    }
  }
  std::memcpy(sums, a, sizeof a);
}

class pass {
public:
  pass(const llama_parameters& parameters, std::span<const tensor_view> tensors, int threads)
      : p_(parameters), tensors_(tensors), threads_(threads) {}

  void run(std::span<const token_id> tokens, size_t first_logits, const logits_sink& sink) {
    count_ = tokens.size();
    const auto hidden = static_cast<size_t>(p_.shape.hidden);
    const auto embedding = dequantize(tensor("token_embd.weight"));
    values x(count_ * hidden);
    for (size_t t = 0; t < count_; ++t)
      std::copy_n(embedding.data() + static_cast<size_t>(tokens[t]) * hidden, hidden, x.data() + t * hidden);
    if (p_.family.scaled_embedding)
      for (auto& each : x)
        each *= std::sqrt(static_cast<double>(hidden));
    for (int32_t i = 0; i < p_.shape.layers; ++i)
      layer("blk." + std::to_string(i) + ".", i, x);
    x.erase(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(first_logits * hidden));
    count_ -= first_logits;
    const auto normed = norm(x, "output_norm.weight");
    const auto* head = find("output.weight");
    const auto vocabulary = static_cast<size_t>(p_.shape.vocabulary);
    const auto logits = product(normed, head != nullptr ? *head : tensor("token_embd.weight"));
    parallel(threads_, count_, [&](size_t t) {
      sink(first_logits + t, std::span(logits).subspan(t * vocabulary, vocabulary));
    });
  }

private:
  const tensor_view* find(const std::string& name) const {
    for (const auto& each : tensors_)
      if (each.name == name)
        return &each;
    return nullptr;
  }
  const tensor_view& tensor(const std::string& name) const {
    const auto* found = find(name);
    if (found == nullptr)
      throw std::runtime_error("no tensor " + name);
    return *found;
  }

  /// [count, inputs] times the matrix [outputs, inputs], transposed.
  values product(const values& x, const tensor_view& matrix) const {
    const size_t inputs = matrix.shape[0], outputs = matrix.shape[1];
    const auto w = dequantize(matrix);
    const size_t rows = (count_ + batch - 1) / batch * batch;
    values padded = x, out(count_ * outputs);
    padded.resize(rows * inputs);
    parallel(threads_, (outputs + lanes - 1) / lanes, [&](size_t tile) {
      const size_t first = tile * lanes, wide = std::min(lanes, outputs - first);
      values side_by_side(inputs * lanes);
      for (size_t r = 0; r < wide; ++r)
        for (size_t k = 0; k < inputs; ++k)
          side_by_side[k * lanes + r] = w[(first + r) * inputs + k];
      for (size_t t = 0; t < count_; t += batch) {
        double sums[batch * lanes];
        multiply(padded.data() + t * inputs, inputs, side_by_side.data(), inputs, sums);
        for (size_t i = 0; i < batch && t + i < count_; ++i)
          std::copy_n(sums + i * lanes, wide, out.data() + (t + i) * outputs + first);
      }
    });
    return out;
  }

  /// Norm of each stretch of x that is as wide as the weight.
  values norm(const values& x, const std::string& name) const {
    const auto weight = dequantize(tensor(name));
    values out(x.size());
    for (size_t t = 0; t < x.size() / weight.size(); ++t) {
      const double* row = x.data() + t * weight.size();
      double sum = 0.0;
      for (size_t k = 0; k < weight.size(); ++k)
        sum += row[k] * row[k];
      const double factor = 1.0 / std::sqrt(sum / static_cast<double>(weight.size()) + p_.norm_epsilon);
      for (size_t k = 0; k < weight.size(); ++k)
        out[t * weight.size() + k] = row[k] * factor * weight[k];
    }
    return out;
  }

  void rotate(values& x, size_t heads, bool local) const {
    const auto wide = static_cast<size_t>(p_.shape.head_dim);
    const auto* given = find("rope_freqs.weight");
    const auto divisors = given != nullptr && !local ? dequantize(*given) : values(wide / 2, 1.0);
    const double base = local ? p_.local_rope_base : p_.rope_base, scale = local ? 1.0 : p_.rope_divisor;
    for (size_t t = 0; t < count_; ++t)
      for (size_t pair = 0; pair < heads * wide / 2; ++pair) {
        const auto i = pair % (wide / 2);
        const double frequency = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(wide));
        const double angle = static_cast<double>(t) * frequency / divisors[i] / scale;
        double* head = x.data() + (t * heads + pair / (wide / 2)) * wide;
        double& first = head[p_.family.halves ? i : 2 * i];
        double& second = head[p_.family.halves ? i + wide / 2 : 2 * i + 1];
        const double a = first, b = second;
        first = a * std::cos(angle) - b * std::sin(angle);
        second = a * std::sin(angle) + b * std::cos(angle);
      }
  }

  /// One of the three projections of a layer's attention.
  values project(const values& normed, const std::string& prefix, const std::string& part) const {
    auto out = product(normed, tensor(prefix + part + ".weight"));
    if (p_.family.projection_bias) {
      const auto bias = dequantize(tensor(prefix + part + ".bias"));
      for (size_t i = 0; i < out.size(); ++i)
        out[i] += bias[i % bias.size()];
    }
    if (p_.family.head_norms && part != "attn_v")
      out = norm(out, prefix + part + "_norm.weight");
    return out;
  }

  double activated(double x) const {
    if (!p_.family.gelu)
      return x / (1.0 + std::exp(-x));
    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  }

  void add(const values& added, const std::string& post_norm, values& x) const {
    const auto normed = p_.family.post_norms ? norm(added, post_norm) : added;
    for (size_t i = 0; i < x.size(); ++i)
      x[i] += normed[i];
  }

  values attention(const values& q, const values& k, const values& v, attention_window window) const {
    const auto wide = static_cast<size_t>(p_.shape.head_dim), heads = static_cast<size_t>(p_.shape.heads);
    const auto kv_heads = static_cast<size_t>(p_.shape.kv_heads);
    values out(q.size());
    parallel(threads_, count_ * heads, [&](size_t index) {
      const size_t kv_head = index % heads / (heads / kv_heads);
      attend({k.data(), v.data(), kv_heads, wide}, kv_head, q.data() + index * wide, index / heads, window,
             out.data() + index * wide);
    });
    return out;
  }

  void layer(const std::string& prefix, int32_t index, values& x) const {
    const auto weight = [&](const char* name) -> const tensor_view& {
      return tensor(prefix + name + ".weight");
    };
    auto normed = norm(x, prefix + "attn_norm.weight");
    auto q = project(normed, prefix, "attn_q"), k = project(normed, prefix, "attn_k");
    rotate(q, static_cast<size_t>(p_.shape.heads), p_.is_local(index));
    rotate(k, static_cast<size_t>(p_.shape.kv_heads), p_.is_local(index));
    if (p_.attention_scale > 0.0f) // attend() divides by sqrt(head_dim)
      for (auto& each : q)
        each *= p_.attention_scale * std::sqrt(static_cast<double>(p_.shape.head_dim));
    const auto mixed = attention(q, k, project(normed, prefix, "attn_v"), p_.window_of(index));
    add(product(mixed, weight("attn_output")), prefix + "post_attention_norm.weight", x);
    normed = norm(x, prefix + "ffn_norm.weight");
    auto gate = product(normed, weight("ffn_gate"));
    const auto up = product(normed, weight("ffn_up"));
    for (size_t i = 0; i < gate.size(); ++i)
      gate[i] = activated(gate[i]) * up[i];
    add(product(gate, weight("ffn_down")), prefix + "post_ffw_norm.weight", x);
  }

  const llama_parameters& p_;
  std::span<const tensor_view> tensors_;
  int threads_;
  size_t count_ = 0;
};

} // namespace

void reference_logits(const llama_parameters& parameters, std::span<const tensor_view> tensors,
                      std::span<const token_id> tokens, size_t first_logits, int threads,
                      const logits_sink& sink) {
  pass(parameters, tensors, threads).run(tokens, first_logits, sink);
}

} // namespace troupe::reference
