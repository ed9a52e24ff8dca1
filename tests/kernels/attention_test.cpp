#include "kernels/cpu/attention.hpp"
#include "kernels/float16.hpp"
#include "tests/kernels/kernel_test.hpp"
#include "tests/reference/random_values.hpp"

#include <cmath>

using namespace troupe;
using reference::random_values;

namespace {

/// Keys and values of one sequence, and pages in a scrambled order, poisoned where nobody wrote.
struct paged_sequence {
  int32_t heads, kv_heads, head_dim, positions;
  std::vector<float> query, key, value; // [positions, ...]
  std::vector<page_id> table;
  std::vector<std::byte> pages;
  size_t stride;

  paged_sequence(int32_t heads_, int32_t kv_heads_, int32_t head_dim_, int32_t positions_,
                 random_values& random)
      : heads(heads_), kv_heads(kv_heads_), head_dim(head_dim_), positions(positions_) {
    const auto count = static_cast<size_t>(positions);
    query = random.normals(count * static_cast<size_t>(heads * head_dim), 1.5);
    key = random.normals(count * static_cast<size_t>(kv_heads * head_dim), 1.5);
    value = random.normals(count * static_cast<size_t>(kv_heads * head_dim), 1.0);
    const auto page_count = (positions + page_tokens - 1) / page_tokens;
    for (int32_t i = 0; i < page_count; ++i)
      table.push_back((i * 7 + 3) % 1009);
    stride = page_layout{kv_heads, head_dim}.layer_bytes() + 128;
    poison();
  }

  void poison() { pages.assign(stride * 1009, std::byte{0xff}); } // fp16 NaN

  layer_pages layer() { return {pages.data(), stride, {kv_heads, head_dim}}; }

  /// Appends and attends in steps of these lengths, the last one repeated.
  std::vector<float> run(const cpu_stream& stream, const std::vector<int32_t>& steps) {
    poison();
    auto out = poisoned(query.size());
    const auto q_width = static_cast<size_t>(heads * head_dim),
               kv_width = static_cast<size_t>(kv_heads * head_dim);
    size_t step = 0;
    for (int32_t at = 0; at < positions;) {
      const auto count = std::min(steps[std::min(step++, steps.size() - 1)], positions - at);
      const attention_slice slice{0, count, at, table.data()};
      const auto row = static_cast<size_t>(at);
      REQUIRE(append_kv({key.data() + row * kv_width, value.data() + row * kv_width, layer(), {&slice, 1}},
                        stream));
      REQUIRE(attention({query.data() + row * q_width,
                         out.data() + row * q_width,
                         layer(),
                         {&slice, 1},
                         heads,
                         1.0f / std::sqrt(static_cast<float>(head_dim))},
                        stream));
      at += count;
    }
    return out;
  }

  double worst_error(const std::vector<float>& out) const {
    double worst = 0.0;
    const auto wide = static_cast<size_t>(head_dim), kv = static_cast<size_t>(kv_heads);
    const auto rounded = [](float x) { return static_cast<double>(half_to_float(float_to_half(x))); };
    for (size_t row = 0; row < static_cast<size_t>(positions * heads); ++row) {
      const size_t t = row / static_cast<size_t>(heads),
                   head = row % static_cast<size_t>(heads) / static_cast<size_t>(heads / kv_heads);
      std::vector<double> p(t + 1, 0.0), mix(wide, 0.0);
      double largest = -INFINITY, total = 0.0;
      for (size_t s = 0; s <= t; ++s) {
        for (size_t d = 0; d < wide; ++d)
          p[s] += query[row * wide + d] * rounded(key[(s * kv + head) * wide + d]);
        p[s] /= std::sqrt(static_cast<double>(wide));
        largest = std::max(largest, p[s]);
      }
      for (auto& each : p)
        total += each = std::exp(each - largest);
      for (size_t s = 0; s <= t; ++s)
        for (size_t d = 0; d < wide; ++d)
          mix[d] += p[s] / total * rounded(value[(s * kv + head) * wide + d]);
      for (size_t d = 0; d < wide; ++d) {
        const double error = std::abs(out[row * wide + d] - mix[d]);
        if (!(error < 1.0))
          return error;
        worst = std::max(worst, error);
      }
    }
    return worst;
  }
};

} // namespace

TEST_CASE("attention against float64", "[attention]") {
  random_values random(21);
  for (auto [heads, kv_heads, head_dim, positions] : {std::array{1, 1, 16, 1},
                                                      {4, 2, 16, 19},
                                                      {9, 3, 64, 99},
                                                      {8, 1, 80, 33},
                                                      {3, 1, 128, 500},
                                                      {2, 2, 256, 40}}) {
    paged_sequence sequence(heads, kv_heads, head_dim, positions, random);
    INFO("heads " << heads << " head_dim " << head_dim << " positions " << positions);
    const auto out =
        on_every_path([&](const cpu_stream& stream) { return sequence.run(stream, {positions}); });
    CHECK(sequence.worst_error(out) < 1e-5);
  }
}

TEST_CASE("attention gives the same bits however the sequence was cut", "[attention]") {
  random_values random(22);
  paged_sequence sequence(6, 2, 64, 530, random); // three splits
  thread_pool one(1), two(2);
  const auto expected = sequence.run({detect_instruction_set(), two}, {530});
  CHECK(sequence.worst_error(expected) < 1e-5);
  for (auto isa : available_instruction_sets()) {
    if (isa == instruction_set::portable)
      continue; // 530 positions one by one take it long; the tiny model's tests cut there
    for (const auto& steps : {std::vector{1}, {5}, {255, 2, 1}, {16}, {300, 100}}) {
      INFO(to_string(isa) << ", first step " << steps.front());
      CHECK(same_bits(sequence.run({isa, one}, steps), expected));
    }
  }
}

TEST_CASE("slices of one step do not see each other", "[attention]") {
  random_values random(23);
  paged_sequence a(4, 2, 32, 40, random);
  thread_pool two(2);
  const cpu_stream stream{detect_instruction_set(), two};
  const auto alone = a.run(stream, {40});
  // The same tokens as two slices of one step: 30 positions of one sequence and 10 of another with its own
  // pages.
  a.poison();
  std::vector<page_id> other{900, 901};
  const attention_slice slices[] = {{0, 30, 0, a.table.data()}, {30, 10, 0, other.data()}};
  auto out = poisoned(alone.size());
  REQUIRE(append_kv({a.key.data(), a.value.data(), a.layer(), slices}, stream));
  REQUIRE(attention({a.query.data(), out.data(), a.layer(), slices, 4, 1.0f / std::sqrt(32.0f)}, stream));
  const size_t row = 4 * 32;
  CHECK(std::memcmp(out.data(), alone.data(), 30 * row * sizeof(float)) == 0);
  paged_sequence b = a;
  b.positions = 10;
  b.query.assign(a.query.begin() + 30 * row, a.query.end());
  b.key.assign(a.key.begin() + 30 * 64, a.key.end());
  b.value.assign(a.value.begin() + 30 * 64, a.value.end());
  const auto second = b.run(stream, {10});
  CHECK(std::memcmp(out.data() + 30 * row, second.data(), 10 * row * sizeof(float)) == 0);
}

TEST_CASE("attention names what does not fit", "[attention]") {
  random_values random(24);
  paged_sequence s(4, 2, 32, 4, random);
  thread_pool one(1);
  const cpu_stream stream{instruction_set::portable, one};
  const attention_slice slice{0, 4, 0, s.table.data()};
  std::vector<float> out(s.query.size());
  attention_params params{s.query.data(), out.data(), s.layer(), {&slice, 1}, 3, 1.0f};
  CHECK(attention(params, stream).error().message == "heads: expected a multiple of kv_heads 2, got 3");
  params.heads = 4;
  params.pages.layout.head_dim = 33;
  CHECK(attention(params, stream).error().message == "head_dim: expected a multiple of 16 up to 256, got 33");
  params.pages = s.layer();
  params.pages.page_stride = 10;
  CHECK_FALSE(attention(params, stream));
}
