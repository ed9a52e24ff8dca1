#include "kernels/revision.hpp"
#include "tests/kernels/paged_sequence.hpp"

#include <bit>

using namespace troupe;

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

// Taken from the kernels before they knew windows: kernel_revision 1 is these bits.
TEST_CASE("attention without a window has the bits of its revision", "[attention]") {
  REQUIRE(kernel_revision == 1);
  random_values random(25);
  paged_sequence sequence(9, 3, 64, 600, random);
  thread_pool two(2);
  const auto out = sequence.run({detect_instruction_set(), two}, {500, 3, 1});
  uint64_t hash = 0;
  for (float x : out)
    hash = (hash ^ std::bit_cast<uint32_t>(x)) * 0x100000001b3;
  CHECK(hash == 0x8c1d5f89ee7c120b);
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
  params.pages = s.layer();
  for (attention_window window : {attention_window{-1, 0}, {4, -1}, {0, 4}}) {
    params.window = window;
    CHECK(attention(params, stream)
              .error()
              .message.starts_with(
                  "window: expected positions and sinks 0 or more, and no sinks without positions, got "));
  }
}
