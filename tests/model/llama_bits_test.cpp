#include "tests/model/llama_fixture.hpp"
#include "tests/reference/random_values.hpp"
#include "tests/reference/tiny_model.hpp"

using namespace troupe;

namespace {

std::vector<token_id> random_tokens(size_t count, int32_t vocabulary, uint64_t seed) {
  reference::random_values random(seed);
  std::vector<token_id> out(count);
  for (auto& token : out)
    token = random.below(vocabulary);
  return out;
}

std::vector<float> row_of(const std::vector<float>& logits, size_t row, size_t vocabulary) {
  const auto first = logits.begin() + static_cast<std::ptrdiff_t>(row * vocabulary);
  return {first, first + static_cast<std::ptrdiff_t>(vocabulary)};
}

/// `count` sequences decode side by side after prompts of different lengths; each must get the bits that it
/// gets alone. text: tokens of one sequence.
void check_company(const language_model& model, int32_t count, int32_t prompt_max, int32_t decoded,
                   const std::function<std::vector<token_id>(int32_t sequence)>& text) {
  const auto vocabulary = static_cast<size_t>(model.shape().vocabulary);
  const auto positions = prompt_max + decoded;
  model_runner together(model, 2, count, positions, positions * count);
  std::vector<std::vector<token_id>> tokens;
  std::vector<int32_t> at;
  std::vector<model_runner::part> prompts;
  for (int32_t s = 0; s < count; ++s) {
    tokens.push_back(text(s));
    at.push_back(1 + s * 5 % prompt_max);
    prompts.push_back({s, {tokens.back().begin(), tokens.back().begin() + at.back()}, 0, 1});
  }
  auto logits = together.step(prompts);
  std::vector<std::vector<float>> found(static_cast<size_t>(count));
  for (int32_t step = 0; step <= decoded; ++step) {
    std::vector<model_runner::part> parts;
    for (int32_t s = 0; s < count; ++s) {
      const auto row = row_of(logits, static_cast<size_t>(s), vocabulary);
      auto& rows = found[static_cast<size_t>(s)];
      rows.insert(rows.end(), row.begin(), row.end());
      auto& position = at[static_cast<size_t>(s)];
      parts.push_back({s, {tokens[static_cast<size_t>(s)][static_cast<size_t>(position)]}, position, 1});
      ++position;
    }
    if (step < decoded)
      logits = together.step(parts);
  }
  size_t different = 0;
  model_runner alone(model, 1, 1, positions, positions);
  for (int32_t s = 0; s < count; ++s) {
    auto& line = tokens[static_cast<size_t>(s)];
    const auto prompt = 1 + s * 5 % prompt_max;
    line.resize(static_cast<size_t>(prompt + decoded));
    const auto rows = alone.step({{0, line, 0, decoded + 1}});
    different += !same_floats(rows, found[static_cast<size_t>(s)]);
  }
  CHECK(different == 0);
}

} // namespace

TEST_CASE("tiny: every path, thread count and chunking gives the same logits", "[llama]") {
  const auto tokens = random_tokens(300, 320, 1);
  const auto reference_model = reference::make_tiny_model(7, instruction_set::portable);
  const auto expected = model_runner(*reference_model, 1, 1, 300, 300).all_logits(0, tokens, {300});
  CHECK(std::none_of(expected.begin(), expected.end(), [](float x) { return x == 12345.0f || x != x; }));
  for (auto isa : available_instruction_sets()) {
    const auto model = reference::make_tiny_model(7, isa);
    CHECK(model->numeric_class() == reference_model->numeric_class());
    for (int threads : {1, 2, 3})
      for (const auto& steps : {std::vector{300}, {1}, {7}, {16}, {255, 1}, {100, 3, 64}}) {
        INFO(to_string(isa) << ", threads " << threads << ", first step " << steps.front());
        CHECK(same_floats(model_runner(*model, threads, 1, 300, 300).all_logits(0, tokens, steps), expected));
      }
  }
}

TEST_CASE("tiny: 32 sequences side by side get what each gets alone", "[llama]") {
  for (auto isa : available_instruction_sets()) {
    INFO(to_string(isa));
    check_company(*reference::make_tiny_model(8, isa), 32, 40, 20,
                  [](int32_t s) { return random_tokens(64, 320, 100 + static_cast<uint64_t>(s)); });
  }
}

TEST_CASE("tiny: a shared prefix of pages serves two sequences", "[llama]") {
  const auto model = reference::make_tiny_model(9);
  const auto tokens = random_tokens(40, 320, 3);
  model_runner plain(*model, 1, 1, 64, 64);
  const auto expected = plain.step({{0, tokens, 0, 1}});
  // Pages 0 and 1 hold positions 0 to 31 of both; the rest of each has its own page.
  aligned_buffer pages(5 * model->page_bytes());
  forward_scratch scratch(model->shape(), 64);
  thread_pool threads(1);
  const auto run = [&](const std::vector<sequence_slice>& slices, std::vector<float>& logits) {
    REQUIRE(model->forward(slices, {pages.data(), pages.size()}, scratch, threads, logits));
  };
  const std::vector<page_id> first{0, 1, 2}, second{0, 1, 4};
  const auto all = std::span(tokens);
  std::vector<float> none, both(2 * 320);
  run({{all.first(32), 0, first, 0}}, none);
  run({{all.subspan(32), 32, first, 1}, {all.subspan(32), 32, second, 1}}, both);
  CHECK(same_floats(row_of(both, 0, 320), expected));
  CHECK(same_floats(row_of(both, 1, 320), expected));
}

TEST_CASE("default model: paths, threads, chunking and decoding give the same logits", "[llama]") {
  const auto file = open_test_model();
  const auto tokens = english_tokens(300);
  const auto load = [&](instruction_set isa) {
    return *load_language_model(file, {.isa = isa, .positions_max = 512});
  };
  const auto model = load(detect_instruction_set());
  const auto expected = model_runner(*model, 2, 1, 300, 300).all_logits(0, tokens, {300});
  CHECK(std::none_of(expected.begin(), expected.end(), [](float x) { return x == 12345.0f || x != x; }));
  CHECK(same_floats(model_runner(*model, 1, 1, 300, 300).all_logits(0, tokens, {1}), expected));
  CHECK(same_floats(model_runner(*model, 2, 1, 300, 300).all_logits(0, tokens, {77, 5, 130}), expected));
  for (auto isa : available_instruction_sets()) {
    const auto other = load(isa);
    const size_t count = isa == instruction_set::portable ? 12 : 270; // portable takes 0.2 s a token
    const std::vector<token_id> few(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count));
    const auto logits =
        model_runner(*other, 2, 1, 300, 300).all_logits(0, few, {static_cast<int32_t>(count) - 3, 1});
    INFO(to_string(isa));
    CHECK(std::memcmp(logits.data(), expected.data(), logits.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("default model: 32 sequences side by side get what each gets alone", "[llama]") {
  const auto file = open_test_model();
  const auto model = *load_language_model(file, {.isa = detect_instruction_set(), .positions_max = 512});
  const auto tokens = english_tokens(1000);
  check_company(*model, 32, 20, 4, [&](int32_t s) {
    return std::vector<token_id>(tokens.begin() + s * 30, tokens.begin() + s * 30 + 40);
  });
}
