#include "tests/kernels/paged_sequence.hpp"

using namespace troupe;

namespace {

/// At, below and above a page (16) and a split (256), and longer than the sequence.
const std::vector<attention_window> awkward{{1, 0},    {1, 1},    {2, 5},   {15, 0},   {16, 4},  {17, 16},
                                            {31, 17},  {100, 15}, {255, 1}, {256, 4},  {257, 0}, {272, 16},
                                            {64, 255}, {64, 256}, {3, 257}, {16, 300}, {599, 2}, {5000, 4}};

} // namespace

TEST_CASE("attention_window says which keys a query sees", "[attention]") {
  const attention_window all;
  CHECK(all.sees(1000, 0));
  CHECK_FALSE(all.sees(5, 6));
  CHECK(all.first_of(1000) == 0);
  const attention_window narrow{4, 2};
  CHECK(narrow.first_of(3) == 0);
  CHECK(narrow.first_of(4) == 1);
  std::vector<int32_t> seen;
  for (int32_t key = 0; key < 20; ++key)
    if (narrow.sees(10, key))
      seen.push_back(key);
  CHECK(seen == std::vector<int32_t>{0, 1, 7, 8, 9, 10});
}

TEST_CASE("windowed attention against float64 on every path", "[attention][window]") {
  random_values random(31);
  for (auto [heads, kv_heads, head_dim, positions] :
       {std::array{4, 2, 16, 299}, {9, 3, 64, 35}, {1, 1, 80, 40}, {2, 2, 256, 21}}) {
    paged_sequence sequence(heads, kv_heads, head_dim, positions, random);
    for (auto window : awkward) {
      sequence.window = window;
      INFO("heads " << heads << " head_dim " << head_dim << " window " << window.positions << " sinks "
                    << window.sinks);
      const auto out =
          on_every_path([&](const cpu_stream& stream) { return sequence.run(stream, {positions}); });
      CHECK(sequence.worst_error(out) < 1e-5);
    }
  }
}

TEST_CASE("windowed attention over three splits with the default model's heads", "[attention][window]") {
  random_values random(32);
  paged_sequence sequence(9, 3, 64, 600, random);
  thread_pool two(2);
  for (auto window : awkward) {
    sequence.window = window;
    INFO("window " << window.positions << " sinks " << window.sinks);
    CHECK(sequence.worst_error(sequence.run({detect_instruction_set(), two}, {600})) < 1e-5);
  }
}

// Decoding one by one, and prefill in pieces, see the same bits; what nobody sees any more is poisoned and
// its entry in the block table is -1.
TEST_CASE("windowed attention gives the same bits however the sequence was cut", "[attention][window]") {
  random_values random(33);
  thread_pool one(1), two(2);
  const std::vector<std::vector<int32_t>> cuts{{1}, {16}, {255, 2, 1}, {5}, {300, 100}};
  paged_sequence sequence(6, 2, 16, 600, random);
  for (auto window : awkward) {
    sequence.window = window;
    sequence.forget_pages = false;
    const auto expected = sequence.run({detect_instruction_set(), two}, {600});
    sequence.forget_pages = true;
    for (auto isa : available_instruction_sets()) {
      const bool slow = isa == instruction_set::portable;
      for (const auto& steps : cuts) {
        if (slow && steps != cuts.back())
          continue;
        INFO(to_string(isa) << ", window " << window.positions << ", sinks " << window.sinks
                            << ", first step " << steps.front());
        CHECK(same_bits(sequence.run({isa, one}, steps), expected));
      }
    }
  }
}

TEST_CASE("a window that nothing falls out of changes no bit", "[attention][window]") {
  random_values random(34);
  paged_sequence sequence(6, 2, 64, 530, random);
  thread_pool two(2);
  const cpu_stream stream{detect_instruction_set(), two};
  const auto expected = sequence.run(stream, {100});
  for (attention_window window : {attention_window{530, 0}, {531, 16}, {1 << 30, 1 << 30}, {200, 330}}) {
    sequence.window = window;
    CHECK(same_bits(sequence.run(stream, {100}), expected));
  }
  sequence.window = {529, 0}; // the last query does not see the first key
  const auto other = sequence.run(stream, {100});
  const size_t row = 6 * 64;
  CHECK(std::memcmp(other.data(), expected.data(), 529 * row * sizeof(float)) == 0);
  CHECK(std::memcmp(other.data() + 529 * row, expected.data() + 529 * row, row * sizeof(float)) != 0);
}
