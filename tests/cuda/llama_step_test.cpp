#include "kernels/cuda/decode_attention.hpp"
#include "kernels/cuda/llama_prefill.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/host_bf16.hpp"
#include "tests/cuda/quantized_case.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <tuple>

using namespace troupe;
using namespace troupe::cuda;

namespace {

constexpr int32_t hidden = 256, intermediate = 576, heads = 6, kv_heads = 2, head_dim = 64, vocabulary = 504;
constexpr int32_t layer_count = 3, positions_max = 96, wide = heads * head_dim, kv_wide = kv_heads * head_dim;

struct matrix {
  int32_t rows, columns;
  std::vector<bf16> values;
  std::unique_ptr<device_array<bf16>> device;
  std::unique_ptr<quantized_case> packed;
  weight_format format;

  matrix(int32_t n, int32_t k, double deviation, std::mt19937& random,
         weight_format of = weight_format::bf16_rows)
      : rows(n), columns(k), format(of) {
    if (format == weight_format::bf16_rows) {
      values = random_bf16(static_cast<size_t>(n * k), deviation, random);
      device = std::make_unique<device_array<bf16>>(values);
    } else {
      packed = std::make_unique<quantized_case>(format, n, k, deviation, random);
      values = packed->dequantized();
    }
  }

  weight_matrix weight() const {
    return packed ? weight_matrix(packed->packed(), format) : weight_matrix(device->get());
  }

  double at(int32_t row, int32_t column) const {
    return widen(values[static_cast<size_t>(row * columns + column)]);
  }

  std::vector<double> times(const std::vector<double>& x) const {
    std::vector<double> out;
    for (int32_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (int32_t c = 0; c < columns; ++c)
        sum += at(r, c) * x[static_cast<size_t>(c)];
      out.push_back(sum);
    }
    return out;
  }
};

struct norm_weight {
  std::vector<float> values;
  std::unique_ptr<device_array<float>> device;

  explicit norm_weight(std::mt19937& random) : values(random_float(hidden, 0.2, random)) {
    for (float& value : values)
      value += 1.0f;
    device = std::make_unique<device_array<float>>(values);
  }

  std::vector<double> of(const std::vector<double>& x) const {
    double squares = 0;
    for (double value : x)
      squares += value * value;
    std::vector<double> out;
    for (size_t i = 0; i < x.size(); ++i)
      out.push_back(x[i] / std::sqrt(squares / hidden + 1e-5) * static_cast<double>(values[i]));
    return out;
  }
};

struct layer {
  norm_weight attention_norm, feed_norm;
  matrix qkv, output, gate_up, down;

  /// Packed: each format where its blocks fit.
  layer(std::mt19937& random, bool packed)
      : attention_norm(random), feed_norm(random),
        qkv(wide + 2 * kv_wide, hidden, 0.08, random,
            packed ? weight_format::q4_k : weight_format::bf16_rows),
        output(hidden, wide, 0.05, random, packed ? weight_format::q8_0 : weight_format::bf16_rows),
        gate_up(2 * intermediate, hidden, 0.06, random,
                packed ? weight_format::q4_k : weight_format::bf16_rows),
        down(hidden, intermediate, 0.05, random, packed ? weight_format::q4_1 : weight_format::bf16_rows) {}
};

std::vector<float> make_angles() {
  std::vector<float> out;
  for (int32_t p = 0; p < positions_max; ++p)
    for (int32_t i = 0; i < head_dim / 2; ++i) {
      double angle = p * std::pow(500000.0, -2.0 * i / head_dim);
      out.push_back(static_cast<float>(std::cos(angle)));
      out.push_back(static_cast<float>(std::sin(angle)));
    }
  return out;
}

struct model {
  std::mt19937 random{41};
  matrix embedding{vocabulary, hidden, 1.0, random}, output;
  norm_weight output_norm{random};
  std::vector<float> angles = make_angles();
  device_array<float> device_angles{angles};
  std::vector<layer> layers;

  explicit model(bool packed)
      : output(vocabulary, hidden, 0.1, random, packed ? weight_format::q4_1 : weight_format::bf16_rows) {
    for (int32_t i = 0; i < layer_count; ++i)
      layers.emplace_back(random, packed);
  }
};

/// A sequence in float64, with no rounding on the way.
class reference_sequence {
public:
  explicit reference_sequence(const model& m) : model_(m), keys_(layer_count), values_(layer_count) {}

  std::vector<double> step(int32_t token, int32_t position) {
    std::vector<double> x;
    for (int32_t i = 0; i < hidden; ++i)
      x.push_back(model_.embedding.at(token, i));
    for (size_t l = 0; l < layer_count; ++l) {
      const layer& w = model_.layers[l];
      add(x, w.output.times(attend(l, w.qkv.times(w.attention_norm.of(x)), position)));
      auto both = w.gate_up.times(w.feed_norm.of(x));
      std::vector<double> activated;
      for (size_t i = 0; i < intermediate; ++i) {
        double gate = both[i / 8 * 16 + i % 8], up = both[i / 8 * 16 + i % 8 + 8];
        activated.push_back(gate / (1 + std::exp(-gate)) * up);
      }
      add(x, w.down.times(activated));
    }
    return model_.output.times(model_.output_norm.of(x));
  }

private:
  static void add(std::vector<double>& x, const std::vector<double>& y) {
    std::transform(x.begin(), x.end(), y.begin(), x.begin(), std::plus<>());
  }

  std::vector<double> attend(size_t l, std::vector<double> qkv, int32_t position) {
    for (size_t i = 0; i < wide + kv_wide; i += 2) {
      const float* angle = model_.angles.data() + static_cast<size_t>(position * head_dim) + i % head_dim;
      double c = static_cast<double>(angle[0]), s = static_cast<double>(angle[1]), a = qkv[i], b = qkv[i + 1];
      qkv[i] = a * c - b * s;
      qkv[i + 1] = b * c + a * s;
    }
    keys_[l].emplace_back(qkv.begin() + wide, qkv.begin() + wide + kv_wide);
    values_[l].emplace_back(qkv.begin() + wide + kv_wide, qkv.end());
    std::vector<double> out;
    for (size_t h = 0; h < heads; ++h) {
      size_t kv = h / (heads / kv_heads) * head_dim;
      std::vector<double> sum(head_dim, 0.0);
      double total = 0;
      for (size_t p = 0; p < keys_[l].size(); ++p) {
        double score = 0;
        for (size_t i = 0; i < head_dim; ++i)
          score += qkv[h * head_dim + i] * keys_[l][p][kv + i];
        double weight = std::exp(score / std::sqrt(static_cast<double>(head_dim)));
        total += weight;
        for (size_t i = 0; i < head_dim; ++i)
          sum[i] += weight * values_[l][p][kv + i];
      }
      for (double value : sum)
        out.push_back(value / total);
    }
    return out;
  }

  const model& model_;
  std::vector<std::vector<std::vector<double>>> keys_, values_; // [layer][position][kv_wide]
};

int32_t token_of(int32_t sequence, int32_t position) {
  return (sequence * 131 + position * 17 + position * position) % vocabulary;
}

/// Sequences on the card, each with its own pages.
class device_batch {
public:
  /// rows: tokens of the largest step, at least one a sequence.
  device_batch(const model& m, int32_t sequences, int32_t rows)
      : model_(m), count_(sequences), n_(static_cast<size_t>(rows)),
        pages_(static_cast<size_t>(layer_count * sequences * table_stride * page_elements)),
        residual_(n_ * hidden), normed_(n_ * hidden), qkv_(n_ * (wide + 2 * kv_wide)), attended_(n_ * wide),
        activated_(n_ * intermediate), gate_up_(n_ * 2 * intermediate),
        dequantized_(2 * intermediate * hidden), logits_(n_ * vocabulary),
        partials_(decode_attention_partial_bytes(sequences, heads, head_dim, positions_max) / sizeof(float)),
        counters_(n_ * kv_heads), best_(n_), rows_done_(n_), tables_(make_tables(sequences)) {
    counters_.fill(0);
    best_.fill(0);
    rows_done_.fill(0);
    for (int32_t l = 0; l < layer_count; ++l) {
      const layer& w = m.layers[static_cast<size_t>(l)];
      kv_pages pages{pages_.get() + l * sequences * table_stride * page_elements, page_elements, kv_heads,
                     head_dim};
      layers_.push_back({w.attention_norm.device->get(), w.qkv.weight(), w.output.weight(),
                         w.feed_norm.device->get(), w.gate_up.weight(), w.down.weight(), pages});
    }
  }

  /// Logits [sequences, vocabulary]; tokens become the next ones.
  std::vector<float> step(std::vector<int32_t>& tokens, const std::vector<int32_t>& positions) {
    device_array<int32_t> token(tokens), position(positions);
    llama_decode_params params{token.get(), position.get(), tables_.get(),
                               count_,      table_stride,   positions_max};
    TROUPE_CHECK(llama_decode(weights(), scratch(), params, {}) == launch_status::ok, last_mismatch().name);
    tokens = token.read();
    return logits_.read();
  }

  /// Positions [first, first + count) of all sequences at once: logits [sequences, count, vocabulary].
  /// pieces: the logits come by llama_logits(), so many rows at a time; 0: with the step. decoding: so many
  /// of the sequences attend as in decoding; count is 1 then.
  std::vector<float> prefill(int32_t first, int32_t count, prefill_linear* many_rows, int32_t pieces = 0,
                             int32_t decoding = 0) {
    std::vector<int32_t> tokens, positions, sequences, rows;
    std::vector<prefill_slice> slices;
    for (int32_t s = 0; s < count_; ++s) {
      slices.push_back({s * count, count, first, s});
      for (int32_t p = first; p < first + count; ++p) {
        rows.push_back(static_cast<int32_t>(tokens.size()));
        tokens.push_back(token_of(s, p));
        positions.push_back(p);
        sequences.push_back(s);
      }
    }
    device_array<int32_t> token(tokens), position(positions), sequence(sequences), row(rows),
        next(tokens.size());
    device_array<prefill_slice> slice(slices);
    auto total = static_cast<int32_t>(tokens.size());
    llama_prefill_params params{token.get(),    position.get(),
                                sequence.get(), tables_.get(),
                                slice.get(),    row.get(),
                                next.get(),     total,
                                count_,         count,
                                table_stride,   pieces > 0 ? 0 : total,
                                gate_up_.get(), dequantized_.get()};
    params.decode_slices = decoding;
    params.decode_context = first + 1;
    TROUPE_CHECK(llama_prefill(weights(), scratch(), params, many_rows, {}) == launch_status::ok,
                 last_mismatch().name);
    if (pieces == 0) {
      auto out = logits_.read();
      out.resize(tokens.size() * vocabulary);
      return out;
    }
    std::vector<float> out;
    for (int32_t at = 0; at < total; at += pieces) {
      int32_t some = std::min(pieces, total - at);
      TROUPE_CHECK(llama_logits(weights(), scratch(), row.get() + at, some, {}) == launch_status::ok,
                   last_mismatch().name);
      auto read = logits_.read();
      out.insert(out.end(), read.begin(), read.begin() + some * vocabulary);
    }
    return out;
  }

private:
  static constexpr int32_t table_stride = positions_max / page_tokens;
  static constexpr int32_t page_elements = static_cast<int32_t>(kv_page_elements(kv_heads, head_dim));

  static std::vector<int32_t> make_tables(int32_t sequences) {
    std::vector<int32_t> out;
    for (int32_t p = 0; p < sequences * table_stride; ++p)
      out.push_back(sequences * table_stride - 1 - p);
    return out;
  }

  llama_weights weights() const {
    llama_weights w{};
    w.layers = layers_.data();
    w.embedding = model_.embedding.device->get();
    w.output_norm = model_.output_norm.device->get();
    w.output = model_.output.weight();
    w.rope_table = model_.device_angles.get();
    w.layer_count = layer_count;
    w.hidden = hidden;
    w.intermediate = intermediate;
    w.heads = heads;
    w.kv_heads = kv_heads;
    w.head_dim = head_dim;
    w.vocabulary = vocabulary;
    w.table_positions = positions_max;
    w.epsilon = 1e-5f;
    return w;
  }

  llama_scratch scratch() const {
    return {residual_.get(), normed_.get(),   qkv_.get(),      attended_.get(), activated_.get(),
            logits_.get(),   partials_.get(), counters_.get(), best_.get(),     rows_done_.get()};
  }

  const model& model_;
  int32_t count_;
  size_t n_;
  device_array<bf16> pages_;
  device_array<float> residual_;
  device_array<bf16> normed_, qkv_, attended_, activated_, gate_up_, dequantized_;
  device_array<float> logits_, partials_;
  device_array<uint32_t> counters_;
  device_array<uint64_t> best_;
  device_array<uint32_t> rows_done_;
  device_array<int32_t> tables_;
  std::vector<llama_layer> layers_;
};

} // namespace

TEST_CASE(
    "decoding a small Llama agrees with float64, and a sequence has the same bits alone and in company") {
  model m(GENERATE(false, true)); // packed weights or not
  constexpr int32_t batch = 19, steps = 70;
  constexpr int32_t watched = 5;
  device_batch together(m, batch, batch), alone(m, 1, 1);
  reference_sequence reference(m);
  double worst = 0;
  int64_t different = 0, wrong_tokens = 0;
  for (int32_t position = 0; position < steps; ++position) {
    std::vector<int32_t> tokens, positions(batch, position);
    for (int32_t s = 0; s < batch; ++s)
      tokens.push_back(token_of(s, position));
    std::vector<int32_t> single{token_of(watched, position)};
    auto expected = reference.step(single[0], position);
    auto all = together.step(tokens, positions), one = alone.step(single, {position});
    different += count_different(all.data() + watched * vocabulary, one.data(), one.size());
    wrong_tokens += tokens[watched] == single[0] ? 0 : 1;
    wrong_tokens += single[0] == std::max_element(one.begin(), one.end()) - one.begin() ? 0 : 1;
    double error = 0, size = 0;
    for (size_t i = 0; i < one.size(); ++i) {
      error += std::pow(static_cast<double>(one[i]) - expected[i], 2);
      size += expected[i] * expected[i];
    }
    double relative = std::sqrt(error / size);
    worst = relative <= worst ? worst : relative;
  }
  CHECK(different == 0);
  CHECK(wrong_tokens == 0);
  CAPTURE(worst);
  CHECK(worst <= 0.02); // bf16 between operations
}

TEST_CASE("prefilled tokens have the bits of decoded ones, in any chunking") {
  model m(GENERATE(false, true));
  constexpr int32_t batch = 3, length = 90;
  device_batch decoding(m, batch, batch), prefilling(m, batch, batch * length);
  std::vector<float> decoded(static_cast<size_t>(batch * length * vocabulary));
  for (int32_t position = 0; position < length; ++position) {
    std::vector<int32_t> tokens;
    for (int32_t s = 0; s < batch; ++s)
      tokens.push_back(token_of(s, position));
    auto logits = decoding.step(tokens, std::vector<int32_t>(batch, position));
    for (int32_t s = 0; s < batch; ++s)
      std::copy_n(logits.begin() + s * vocabulary, vocabulary,
                  decoded.begin() + (s * length + position) * vocabulary);
  }
  std::unique_ptr<prefill_linear> many_rows;
  REQUIRE(prefill_linear::open(many_rows) == launch_status::ok);
  for (auto* products : {many_rows.get(), static_cast<prefill_linear*>(nullptr)})
    for (auto [chunk, pieces, decodes] : {std::tuple{length, 0, 0},
                                          {64, 0, 0},
                                          {41, 0, 0},
                                          {7, 0, 0},
                                          {length, 64, 0},
                                          {41, 19, 0},
                                          {1, 0, 0},
                                          {1, 0, 1},
                                          {1, 0, 2},
                                          {1, 2, 3}}) {
      int64_t different = 0;
      for (int32_t first = 0; first < length; first += chunk) {
        int32_t count = std::min(chunk, length - first);
        auto logits = prefilling.prefill(first, count, products, pieces, decodes);
        for (int32_t s = 0; s < batch; ++s)
          different += count_different(logits.data() + s * count * vocabulary,
                                       decoded.data() + (s * length + first) * vocabulary,
                                       static_cast<size_t>(count * vocabulary));
      }
      CAPTURE(products != nullptr, chunk, pieces, decodes);
      CHECK(different == 0);
    }
}
