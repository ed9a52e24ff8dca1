#include "bench/gpu/measure.hpp"
#include "bench/gpu/random_cells.hpp"
#include "bench/gpu/sections.hpp"
#include "kernels/cuda/decode_attention.hpp"
#include "kernels/cuda/llama_prefill.hpp"
#include "kernels/cuda/random_fill.hpp"
#include "kernels/cuda/rms_norm.hpp"

#include <cmath>
#include <stdexcept>

namespace troupe::cuda {

namespace {

constexpr int32_t layer_count = 32, hidden = 4096, intermediate = 14336, heads = 32, kv_heads = 8,
                  head_dim = 128;
constexpr int32_t vocabulary = 128256, context = 512, sequences_max = 64;
constexpr int32_t prompt_sizes[] = {128, 512, 2048, 8192};
constexpr int32_t prefill_max = 8192; // rows of a prefill step, and positions of a prompt
constexpr int32_t qkv_rows = (heads + 2 * kv_heads) * head_dim, table_stride = context / page_tokens;
constexpr double weight_count = layer_count * (double(qkv_rows) * hidden + double(hidden) * heads * head_dim +
                                               3.0 * hidden * intermediate) +
                                double(vocabulary) * hidden;

/// Of all that a decode step reads once: every product's weights.
double weight_bytes(weight_format format) {
  return format == weight_format::bf16_rows
             ? 2 * weight_count
             : weight_count / (cell_rows * cell_columns) * static_cast<double>(cell_bytes(format));
}

const char* name_of(weight_format format) {
  return format == weight_format::bf16_rows ? "bf16"
         : format == weight_format::q4_1    ? "Q4_1"
         : format == weight_format::q4_k    ? "Q4_K"
                                            : "Q8_0";
}

size_t product_of(int64_t a, int64_t b) {
  return static_cast<size_t>(a * b);
}

template <class T>
T* upload(const std::vector<T>& values) {
  T* out = allocate_array<T>(values.size());
  must(cudaMemcpy(out, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), "upload");
  return out;
}

std::vector<float> make_rope_table() {
  std::vector<float> out;
  for (int32_t p = 0; p < prefill_max; ++p)
    for (int32_t i = 0; i < head_dim / 2; ++i) {
      double angle = p * std::pow(500000.0, -2.0 * i / head_dim);
      out.push_back(static_cast<float>(std::cos(angle)));
      out.push_back(static_cast<float>(std::sin(angle)));
    }
  return out;
}

/// Llama-3-8B's shape with normal weights of deviation 0.02 (a trained model's), keys and values of
/// deviation 1.
class random_llama {
public:
  random_llama(cudaStream_t stream, weight_format format) : stream_(stream), format_(format) {
    std::vector<float> ones(hidden, 1.0f);
    float* norm = upload(ones);
    for (int32_t i = 0; i < layer_count; ++i)
      layers_.push_back({norm, weight(qkv_rows, hidden), weight(hidden, heads * head_dim), norm,
                         weight(2 * intermediate, hidden), weight(hidden, intermediate), pages()});
    weights_ = {layers_.data(),
                matrix(vocabulary, hidden),
                norm,
                weight(vocabulary, hidden),
                upload(make_rope_table()),
                layer_count,
                hidden,
                intermediate,
                heads,
                kv_heads,
                head_dim,
                vocabulary,
                prefill_max,
                1e-5f};
    auto n = product_of(sequences_max, 1);
    size_t rows = prefill_max;
    scratch_.residual = allocate_array<float>(rows * hidden);
    scratch_.normed = allocate_array<bf16>(rows * hidden);
    scratch_.qkv = allocate_array<bf16>(rows * qkv_rows);
    scratch_.attended = allocate_array<bf16>(rows * heads * head_dim);
    scratch_.activated = allocate_array<bf16>(rows * intermediate);
    gate_up_ = allocate_array<bf16>(rows * 2 * intermediate);
    if (format_ != weight_format::bf16_rows)
      dequantized_ = allocate_array<bf16>(size_t(2) * intermediate * hidden);
    must(prefill_linear::open(many_rows_), "cuBLASLt");
    std::vector<int32_t> prompt, prompt_positions, prompt_pages;
    for (int32_t p = 0; p < prefill_max; ++p) {
      prompt.push_back(int32_t(int64_t(p) * 7919 % vocabulary));
      prompt_positions.push_back(p);
      if (p % page_tokens == 0)
        prompt_pages.push_back(p / page_tokens);
    }
    prompt_ = upload(prompt);
    prompt_positions_ = upload(prompt_positions);
    prompt_pages_ = upload(prompt_pages);
    zeros_ = upload(std::vector<int32_t>(prefill_max, 0));
    for (int32_t tokens : prompt_sizes) {
      slices_.push_back(upload(std::vector<prefill_slice>{{0, tokens, 0, 0}}));
      last_rows_.push_back(upload(std::vector<int32_t>{tokens - 1}));
    }
    scratch_.logits = allocate_array<float>(n * vocabulary);
    scratch_.partials = allocate_array<float>(
        decode_attention_partial_bytes(sequences_max, heads, head_dim, context) / sizeof(float));
    scratch_.counters = upload(std::vector<uint32_t>(n * kv_heads, 0));
    scratch_.best = upload(std::vector<uint64_t>(n, 0));
    scratch_.rows_done = upload(std::vector<uint32_t>(n, 0));
    std::vector<int32_t> tables;
    for (int32_t i = 0; i < sequences_max * table_stride; ++i) {
      tables.push_back(
          int32_t(int64_t(i) * 2654435761 % (sequences_max * table_stride))); // odd factor: a permutation
      tokens_.push_back(i * 7919 % vocabulary);
    }
    tokens_.resize(sequences_max);
    tables_ = upload(tables);
    token_ = upload(tokens_);
    positions_ = upload(std::vector<int32_t>(sequences_max, context - 1));
    must(cudaStreamSynchronize(stream_), "random weights");
  }

  weight_format weights() const { return format_; }

  /// Sequences [first, first + count) of 64.
  void step(int32_t first, int32_t count, bool overlap) {
    llama_decode_params p{token_, positions_ + first, tables_ + first * table_stride,
                          count,  table_stride,       context};
    must(llama_decode(weights_, scratch_, p, {stream_, overlap}), "step");
  }

  /// A prompt of prompt_sizes[size] tokens in one step, over the pages of the first sequences.
  void prefill(size_t size) {
    llama_prefill_params p{};
    p.token = prompt_;
    p.positions = prompt_positions_;
    p.sequences = zeros_;
    p.block_tables = prompt_pages_;
    p.slices = slices_[size];
    p.logit_rows = last_rows_[size];
    p.next_token = token_;
    p.tokens = p.tokens_max = prompt_sizes[size];
    p.slice_count = p.logit_count = 1;
    p.table_stride = prefill_max / page_tokens;
    p.gate_up = gate_up_;
    p.dequantized = dequantized_;
    must(llama_prefill(weights_, scratch_, p, many_rows_.get(), {stream_, true}), "prefill");
  }

  /// The step's products, with its other kernels or without: where the time goes.
  void parts(int32_t count, bool norms, bool attention) {
    auto product = [&](const bf16* input, const weight_matrix& weight, void* output, int32_t n, int32_t k,
                       linear_result r) {
      must(linear({input, weight.rows(), output, count, n, k, r}, {stream_, true}), "product");
    };
    auto norm = [&](const float* weight) {
      if (norms)
        must(rms_norm({scratch_.residual, weight, scratch_.normed, count, hidden, 1e-5f}, {stream_, true}),
             "norm");
    };
    for (const auto& l : layers_) {
      norm(l.attention_norm);
      product(scratch_.normed, l.qkv, scratch_.qkv, qkv_rows, hidden, linear_result::bf16_rows);
      decode_attention_params p{
          scratch_.qkv,      weights_.rope_table, positions_, tables_, l.pages,      scratch_.attended,
          scratch_.partials, scratch_.counters,   count,      heads,   table_stride, context,
          context,           0.088388348f};
      if (attention)
        must(decode_attention(p, {stream_, true}), "attention");
      product(scratch_.attended, l.attention_output, scratch_.residual, hidden, heads * head_dim,
              linear_result::add_to_fp32);
      norm(l.feed_norm);
      product(scratch_.normed, l.gate_up, scratch_.activated, 2 * intermediate, hidden,
              linear_result::silu_bf16);
      product(scratch_.activated, l.down, scratch_.residual, hidden, intermediate,
              linear_result::add_to_fp32);
    }
  }

  /// Logits of one row after a step of sequences [first, first + count) from their own first tokens.
  std::vector<float> logits_after(int32_t first, int32_t count, int32_t row) {
    must(cudaMemcpyAsync(token_, tokens_.data() + first, sizeof(int32_t) * product_of(count, 1),
                         cudaMemcpyHostToDevice, stream_),
         "tokens");
    step(first, count, true);
    std::vector<float> out(vocabulary);
    must(cudaMemcpyAsync(out.data(), scratch_.logits + product_of(row, vocabulary),
                         vocabulary * sizeof(float), cudaMemcpyDeviceToHost, stream_),
         "logits");
    must(cudaStreamSynchronize(stream_), "step");
    return out;
  }

private:
  weight_matrix weight(int32_t rows, int32_t columns) {
    return format_ == weight_format::bf16_rows ? matrix(rows, columns)
                                               : random_cells(format_, rows, columns, ++seed_, stream_);
  }

  bf16* matrix(int32_t rows, int32_t columns) {
    bf16* out = allocate_array<bf16>(product_of(rows, columns));
    must(fill_normal({out, int64_t(rows) * columns, 0.02f, ++seed_}, {stream_, false}), "fill");
    return out;
  }

  kv_pages pages() {
    constexpr int64_t stride = kv_page_elements(kv_heads, head_dim);
    bf16* out = allocate_array<bf16>(product_of(sequences_max * table_stride, stride));
    must(fill_normal({out, sequences_max * table_stride * stride, 1.0f, ++seed_}, {stream_, false}), "fill");
    return {out, stride, kv_heads, head_dim};
  }

  cudaStream_t stream_;
  weight_format format_;
  uint64_t seed_ = 100;
  std::vector<llama_layer> layers_;
  llama_weights weights_{};
  llama_scratch scratch_{};
  std::vector<int32_t> tokens_;
  std::unique_ptr<prefill_linear> many_rows_;
  bf16 *gate_up_ = nullptr, *dequantized_ = nullptr;
  int32_t *prompt_ = nullptr, *prompt_positions_ = nullptr, *prompt_pages_ = nullptr, *zeros_ = nullptr;
  std::vector<prefill_slice*> slices_;
  std::vector<int32_t*> last_rows_;
  int32_t *tables_ = nullptr, *token_ = nullptr, *positions_ = nullptr;
};

/// A sequence alone, in a batch of 32 and in one of 64: how many logits differ.
void check_company(random_llama& model) {
  int64_t different = 0, compared = 0, not_finite = 0;
  for (int32_t s : {0, 5, 31, 40, 63}) {
    auto alone = model.logits_after(s, 1, 0);
    for (int32_t batch : {7, 16, 32, 64}) {
      int32_t first = s / batch * batch;
      if (first + batch > sequences_max)
        first = sequences_max - batch;
      auto together = model.logits_after(first, batch, s - first);
      for (size_t i = 0; i < alone.size(); ++i) {
        different += alone[i] == together[i] ? 0 : 1;
        not_finite += std::isfinite(alone[i]) ? 0 : 1;
        ++compared;
      }
    }
  }
  report(format(
      "decode step: %lld of %lld logits differ between a sequence alone and in batches of 7, 16, 32, 64; "
      "%lld not finite",
      static_cast<long long>(different), static_cast<long long>(compared),
      static_cast<long long>(not_finite)));
  if (different != 0 || not_finite != 0)
    throw std::runtime_error("the numeric definition does not hold: no times");
}

} // namespace

namespace {

/// A prefilled prompt's bits against decoding is what tests show; here, times.
void time_prefill(random_llama& model, weight_format format, cudaStream_t stream) {
  report("| prefill step, one prompt | weights | ms | spread | tokens/s |");
  report("|---|---|---|---|---|");
  for (size_t size = 0; size < std::size(prompt_sizes); ++size) {
    auto t = time_graph(
        stream, [&] { model.prefill(size); }, 5, 3);
    report(troupe::cuda::format("| %d tokens | %s | %.2f | %.2f-%.2f | %.0f |", prompt_sizes[size],
                                name_of(format), t.median_us / 1000, t.lowest_us / 1000, t.highest_us / 1000,
                                prompt_sizes[size] / t.median_us * 1e6));
  }
}

} // namespace

void bench_decode_step(cudaStream_t stream, double ceiling) {
  random_llama model(stream, weight_format::bf16_rows);
  check_company(model);
  report("| decode step, context 512 | sequences | ms | spread | GB read | GB/s | of read ceiling |");
  report("|---|---|---|---|---|---|---|");
  for (int32_t sequences : {1, 2, 4, 8, 16, 32, 64})
    for (bool overlap : {true, false}) {
      if (!overlap && sequences != 1 && sequences != 32)
        continue;
      auto t = time_graph(
          stream, [&] { model.step(0, sequences, overlap); }, 11, 20);
      double bytes = weight_bytes(weight_format::bf16_rows) +
                     2.0 * 2 * kv_heads * head_dim * context * layer_count * sequences;
      report(format("| %s | %d | %.3f | %.3f-%.3f | %.2f | %.0f | %.1f%% |",
                    overlap ? "overlapping kernels" : "kernels in turn", sequences, t.median_us / 1000,
                    t.lowest_us / 1000, t.highest_us / 1000, bytes / 1e9, bytes / t.median_us / 1000,
                    bytes / t.median_us / 10 / ceiling));
    }
  report("| the 32 layers | sequences | ms | spread |");
  report("|---|---|---|---|");
  for (int32_t sequences : {1, 32})
    for (int variant = 0; variant < 4; ++variant) {
      bool norms = variant & 1, attention = variant & 2;
      auto t = time_graph(
          stream, [&] { model.parts(sequences, norms, attention); }, 7, 20);
      report(format("| products%s%s | %d | %.3f | %.3f-%.3f |", norms ? ", norms" : "",
                    attention ? ", attention" : "", sequences, t.median_us / 1000, t.lowest_us / 1000,
                    t.highest_us / 1000));
    }
  time_prefill(model, weight_format::bf16_rows, stream);
}

void bench_quantized_step(cudaStream_t stream, double ceiling) {
  double bf16_us = 0;
  report("| decode step, context 512 | weights | sequences | ms | spread | GB read | GB/s | of read ceiling "
         "| over bf16 alone |");
  report("|---|---|---|---|---|---|---|---|---|");
  std::vector<std::unique_ptr<random_llama>> models; // one after another into the memory of a card
  for (auto weights :
       {weight_format::bf16_rows, weight_format::q4_1, weight_format::q4_k, weight_format::q8_0}) {
    models.push_back(std::make_unique<random_llama>(stream, weights));
    for (int32_t sequences : {1, 4, 8, 16, 32, 64}) {
      if (weights == weight_format::bf16_rows && sequences > 1)
        continue;
      auto t = time_graph(
          stream, [&] { models.back()->step(0, sequences, true); }, 11, 20);
      if (weights == weight_format::bf16_rows)
        bf16_us = t.median_us;
      double bytes =
          weight_bytes(weights) + 2.0 * 2 * kv_heads * head_dim * context * layer_count * sequences;
      report(format("| overlapping kernels | %s | %d | %.3f | %.3f-%.3f | %.2f | %.0f | %.1f%% | %.2f |",
                    name_of(weights), sequences, t.median_us / 1000, t.lowest_us / 1000, t.highest_us / 1000,
                    bytes / 1e9, bytes / t.median_us / 1000, bytes / t.median_us / 10 / ceiling,
                    bf16_us / t.median_us));
    }
  }
  for (size_t i = 1; i < models.size(); ++i) {
    check_company(*models[i]);
    time_prefill(*models[i], models[i]->weights(), stream);
  }
}

} // namespace troupe::cuda
