#include "kernels/cpu/linear.hpp"
#include "tests/kernels/kernel_test.hpp"
#include "tests/reference/dequantize.hpp"
#include "tests/reference/quantize.hpp"
#include "tests/reference/random_values.hpp"

#include <cmath>
#include <fstream>

using namespace troupe;
using reference::random_values;

namespace {

size_t area(int32_t a, int32_t b) {
  return static_cast<size_t>(a) * static_cast<size_t>(b);
}

constexpr std::pair<weight_format, tensor_type> formats[] = {
    {weight_format::f32, tensor_type::f32},   {weight_format::f16, tensor_type::f16},
    {weight_format::bf16, tensor_type::bf16}, {weight_format::q8_0, tensor_type::q8_0},
    {weight_format::q4_0, tensor_type::q4_0}, {weight_format::q4_1, tensor_type::q4_1},
    {weight_format::q5_0, tensor_type::q5_0}, {weight_format::q5_1, tensor_type::q5_1},
    {weight_format::q2_k, tensor_type::q2_k}, {weight_format::q3_k, tensor_type::q3_k},
    {weight_format::q4_k, tensor_type::q4_k}, {weight_format::q5_k, tensor_type::q5_k},
    {weight_format::q6_k, tensor_type::q6_k}, {weight_format::iq4_nl, tensor_type::iq4_nl}};

/// Columns that a row of the format may be a multiple of.
int32_t unit_of(weight_format format) {
  return is_quantized(format) ? block_columns * group_blocks(format) : 1;
}

/// A random matrix and input, what the kernels take and what float64 makes of it.
struct problem {
  packed_matrix weights;
  std::vector<double> dense; // [rows, columns]
  std::vector<float> input;  // [tokens, columns]
  std::vector<int8_t> codes;
  std::vector<float> scales, sums;
  std::vector<int32_t> totals, first_totals;
  int32_t rows, columns, tokens;

  problem(weight_format format, tensor_type type, int32_t rows_, int32_t columns_, int32_t tokens_,
          random_values& random)
      : rows(rows_), columns(columns_), tokens(tokens_) {
    const auto bytes = reference::quantize(type, random.normals(area(rows, columns), 1.0));
    weights = *packed_matrix::pack(format, rows, columns, bytes);
    dense = reference::dequantize({"", type, {}, bytes});
    input = random.normals(area(tokens, columns), 1.0);
    if (!is_quantized(format))
      return;
    codes.resize(2 * input.size());
    scales.resize(area(tokens, columns / 32));
    sums.resize(scales.size());
    totals.resize(scales.size());
    first_totals.resize(scales.size());
    thread_pool one(1);
    REQUIRE(quantize_rows({input.data(), view(), tokens, columns}, {instruction_set::portable, one}));
    const auto wide = static_cast<size_t>(columns), count = static_cast<size_t>(tokens);
    for (size_t i = 0; i < input.size(); ++i) { // the reference sees what the codes say
      const size_t block = i % wide / 32 * count + i / wide;
      input[i] = scales[block] * static_cast<float>(code_at(codes, block, i % 32));
    }
  }

  quantized_rows view() {
    return {codes.data(), scales.data(), sums.data(), totals.data(), first_totals.data(), tokens};
  }

  linear_params params(float* output, bool add) {
    const bool coded = is_quantized(weights.format());
    return {&weights,
            coded ? nullptr : input.data(),
            coded ? view() : quantized_rows{},
            output,
            tokens,
            columns,
            rows,
            add};
  }

  /// Largest error over the sum of magnitudes of its terms.
  double worst_error(const std::vector<float>& output, float before) const {
    double worst = 0.0;
    for (size_t t = 0; t < static_cast<size_t>(tokens); ++t)
      for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
        double sum = before, magnitude = std::abs(before);
        for (size_t k = 0; k < static_cast<size_t>(columns); ++k) {
          const double term =
              dense[r * static_cast<size_t>(columns) + k] * input[t * static_cast<size_t>(columns) + k];
          sum += term;
          magnitude += std::abs(term);
        }
        const double error = std::abs(output[t * static_cast<size_t>(rows) + r] - sum);
        if (!(error <= 1e-3 * magnitude)) // NaN too
          return 1.0;
        worst = std::max(worst, error / magnitude);
      }
    return worst;
  }
};

void check_problem(problem& p) {
  INFO(to_string(p.weights.format()) << " rows " << p.rows << " columns " << p.columns << " tokens "
                                     << p.tokens);
  const auto out = on_every_path([&](const cpu_stream& stream) {
    auto output = poisoned(area(p.tokens, p.rows));
    REQUIRE(linear(p.params(output.data(), false), stream));
    return output;
  });
  CHECK(p.worst_error(out, 0.0f) < 2e-6);
  const auto sum = on_every_path([&](const cpu_stream& stream) {
    std::vector<float> output(area(p.tokens, p.rows), 2.5f);
    REQUIRE(linear(p.params(output.data(), true), stream));
    return output;
  });
  bool added = true;
  for (size_t i = 0; i < out.size(); ++i)
    added = added && sum[i] == out[i] + 2.5f;
  CHECK(added);
}

} // namespace

TEST_CASE("linear against float64, every format and path", "[linear]") {
  random_values random(11);
  for (auto [format, type] : formats)
    for (int32_t columns : {1, 19, 32, 99, 256, 500, 576, 1536}) {
      if (columns % unit_of(format) != 0)
        continue;
      for (int32_t rows : {1, 19, 99, 500}) {
        if (rows == 500 && columns > std::max(99, unit_of(format)))
          continue; // the portable path is slow; wide and tall each have their case
        for (int32_t tokens : {1, 3, 19}) {
          problem p(format, type, rows, columns, tokens, random);
          check_problem(p);
        }
      }
    }
}

TEST_CASE("a row of a product does not depend on the tokens beside it", "[linear]") {
  random_values random(12);
  for (auto [format, type] : formats) {
    problem all(format, type, 99, unit_of(format) > 32 ? 512 : 576, 33, random);
    for (auto isa : available_instruction_sets()) {
      thread_pool two(2);
      auto together = poisoned(area(33, 99));
      REQUIRE(linear(all.params(together.data(), false), {isa, two}));
      bool same = true;
      for (int32_t count = 1; count <= 33; ++count) {
        auto few = poisoned(area(count, 99));
        auto params = all.params(few.data(), false);
        params.tokens = count;
        REQUIRE(linear(params, {isa, two}));
        same = same && std::memcmp(few.data(), together.data(), few.size() * sizeof(float)) == 0;
      }
      INFO(to_string(format) << " on " << to_string(isa));
      CHECK(same);
    }
  }
}

namespace {

/// Bytes of a block where its fp16 numbers stand.
std::vector<size_t> halves_of(tensor_type type) {
  switch (type) {
  case tensor_type::q4_1:
  case tensor_type::q5_1:
  case tensor_type::q4_k:
  case tensor_type::q5_k:
    return {0, 2};
  case tensor_type::q2_k:
    return {80, 82};
  case tensor_type::q3_k:
    return {108};
  case tensor_type::q6_k:
    return {208};
  default:
    return {0};
  }
}

/// Rows of blocks whose bytes are all one value, by row, but for scales of 1 (and minimums of 1).
std::vector<std::byte> extreme_rows(tensor_type type, int32_t rows, int32_t columns) {
  const auto layout = layout_of(type);
  std::vector<std::byte> bytes(area(rows, columns) / layout.elements * layout.bytes);
  constexpr std::byte fill[] = {std::byte{0xff}, std::byte{0x00}, std::byte{0x80},
                                std::byte{0x7f}, std::byte{0x81}, std::byte{0xf0}};
  const size_t row_bytes = bytes.size() / static_cast<size_t>(rows);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = fill[i / row_bytes % std::size(fill)];
  for (size_t block = 0; block < bytes.size(); block += layout.bytes)
    for (const auto at : halves_of(type)) {
      bytes[block + at] = std::byte{0};
      bytes[block + at + 1] = std::byte{0x3c}; // 1.0 in fp16
    }
  return bytes;
}

} // namespace

TEST_CASE("extreme codes stay exact in every path", "[linear]") {
  const int32_t rows = 16;
  for (auto [format, type] : formats) {
    if (!is_quantized(format))
      continue;
    const auto columns = std::max(64, unit_of(format));
    const auto bytes = extreme_rows(type, rows, columns);
    const auto weights = *packed_matrix::pack(format, rows, columns, bytes);
    const auto dense = reference::dequantize({"", type, {}, bytes});
    for (int sign : {1, -1})
      for (int32_t tokens : {1, 5, 32}) {
        // 2,039 is the most that two bytes may say, -2,040 the least.
        const int high = 127 * sign, low = sign > 0 ? 7 : -8, code = 16 * high + low;
        const auto blocks = area(columns / 32, tokens);
        std::vector<int8_t> codes;
        for (size_t block = 0; block < blocks; ++block) {
          codes.insert(codes.end(), 32, static_cast<int8_t>(high));
          codes.insert(codes.end(), 32, static_cast<int8_t>(low));
        }
        std::vector<float> scales(blocks, 1.0f), sums(blocks, 32.0f * static_cast<float>(code));
        std::vector<int32_t> totals(blocks, 32 * code), first_totals(blocks, 16 * code);
        const quantized_rows input{codes.data(),  scales.data(),       sums.data(),
                                   totals.data(), first_totals.data(), tokens};
        const auto out = on_every_path([&](const cpu_stream& stream) {
          auto output = poisoned(area(tokens, rows));
          REQUIRE(linear({&weights, nullptr, input, output.data(), tokens, columns, rows}, stream));
          return output;
        });
        for (size_t i = 0; i < out.size(); ++i) {
          double want = 0.0;
          for (size_t k = 0; k < static_cast<size_t>(columns); ++k)
            want += dense[i % rows * static_cast<size_t>(columns) + k] * code;
          INFO(to_string(format) << " output " << i);
          // Eight blocks with factors leave 24 bits.
          CHECK(std::abs(out[i] - want) <= (columns == 64 ? 0.0 : 1e-6) * std::abs(want));
        }
      }
  }
}

TEST_CASE("a group of products equals its members", "[linear]") {
  random_values random(13);
  problem a(weight_format::q4_1, tensor_type::q4_1, 99, 96, 5, random);
  problem b(weight_format::q8_0, tensor_type::q8_0, 19, 96, 5, random);
  thread_pool two(2);
  const cpu_stream stream{detect_instruction_set(), two};
  auto one = poisoned(area(5, 99)), other = poisoned(area(5, 19)), apart = one, alone = other;
  auto second = b.params(other.data(), false);
  REQUIRE(linear_group(std::vector{a.params(one.data(), false), second}, stream));
  REQUIRE(linear(a.params(apart.data(), false), stream));
  REQUIRE(linear(b.params(alone.data(), false), stream));
  CHECK(same_bits(one, apart));
  CHECK(same_bits(other, alone));
}

TEST_CASE("linear names the shape that does not fit", "[linear]") {
  random_values random(14);
  problem p(weight_format::q4_1, tensor_type::q4_1, 16, 64, 1, random);
  thread_pool one(1);
  std::vector<float> output(16);
  auto params = p.params(output.data(), false);
  params.columns = 63;
  auto refused = linear(params, {instruction_set::portable, one});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "columns: expected 64, got 63");
  params = p.params(output.data(), false);
  params.rows = 15;
  CHECK(linear(params, {instruction_set::portable, one}).error().message == "rows: expected 16, got 15");
  params = p.params(output.data(), false);
  params.codes = {};
  CHECK_FALSE(linear(params, {instruction_set::portable, one}));
  CHECK_FALSE(packed_matrix::pack(weight_format::q8_0, 4, 33, {}));
  const auto odd = packed_matrix::pack(weight_format::q4_k, 4, 288, {});
  REQUIRE_FALSE(odd);
  CHECK(odd.error().message == "columns: expected a multiple of 256 for q4_k, got 288");
  const auto cut = packed_matrix::pack(weight_format::q6_k, 2, 256, std::vector<std::byte>(419));
  REQUIRE_FALSE(cut);
  CHECK(cut.error().message == "source bytes: expected 420, got 419");
  CHECK_FALSE(packed_matrix::pack(weight_format::f32, 4, 33, std::vector<std::byte>(4 * 33 * 4 - 1)));
}

TEST_CASE("a packed row dequantizes to what the file says", "[packed_matrix]") {
  random_values random(15);
  for (auto [format, type] : formats) {
    const auto columns = std::max(96, unit_of(format));
    const auto bytes = reference::quantize(type, random.normals(area(19, columns), 1.0));
    const auto packed = *packed_matrix::pack(format, 19, columns, bytes);
    const auto dense = reference::dequantize({"", type, {}, bytes});
    double worst = 0.0;
    for (int32_t r = 0; r < 19; ++r) {
      auto row = poisoned(static_cast<size_t>(columns));
      packed.dequantize_row(r, row.data());
      for (size_t k = 0; k < row.size(); ++k)
        worst = std::max(worst, std::abs(row[k] - dense[static_cast<size_t>(r) * row.size() + k]));
    }
    INFO(to_string(format));
    CHECK(worst < 1e-6);
  }
}

TEST_CASE("halves of a head's rows alternate where they are asked to", "[packed_matrix]") {
  random_values random(16);
  const auto bytes = reference::quantize(tensor_type::q8_0, random.normals(area(32, 32), 1.0));
  const auto plain = *packed_matrix::pack(weight_format::q8_0, 32, 32, bytes);
  const auto paired = *packed_matrix::pack(weight_format::q8_0, 32, 32, bytes, nullptr, 16);
  for (int32_t r = 0; r < 32; ++r) { // row 2i of a head of 16 comes from i, row 2i + 1 from i + 8
    auto got = poisoned(32), want = poisoned(32);
    paired.dequantize_row(r, got.data());
    plain.dequantize_row(r / 16 * 16 + r % 16 / 2 + r % 2 * 8, want.data());
    CHECK(same_bits(got, want));
  }
  CHECK_FALSE(packed_matrix::pack(weight_format::q8_0, 32, 32, bytes, nullptr, 24));
  CHECK_FALSE(packed_matrix::pack(weight_format::q8_0, 32, 32, bytes, nullptr, 1));
}

TEST_CASE("dequantized rows have the bits of the gguf package", "[packed_matrix]") {
  // tests/kernels/data/make_dequantized.py wrote it: per type 3 rows of 512 columns, then their values.
  std::ifstream file("tests/kernels/data/dequantized.bin", std::ios::binary);
  REQUIRE(file);
  constexpr int32_t rows = 3, columns = 512;
  for (auto format : {weight_format::q4_0, weight_format::q4_1, weight_format::q5_0, weight_format::q5_1,
                      weight_format::q8_0, weight_format::q2_k, weight_format::q3_k, weight_format::q4_k,
                      weight_format::q5_k, weight_format::q6_k, weight_format::iq4_nl}) {
    std::vector<std::byte> bytes(rows * source_row_bytes(format, columns));
    std::vector<float> want(area(rows, columns)), got = poisoned(want.size());
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.read(reinterpret_cast<char*>(want.data()),
              static_cast<std::streamsize>(want.size() * sizeof(float)));
    REQUIRE(file);
    const auto packed = *packed_matrix::pack(format, rows, columns, bytes);
    for (int32_t r = 0; r < rows; ++r)
      packed.dequantize_row(r, got.data() + area(r, columns));
    INFO(to_string(format));
    CHECK(same_bits(got, want));
  }
  CHECK(file.peek() == std::ifstream::traits_type::eof());
}
