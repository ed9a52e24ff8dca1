#include "tests/model/company.hpp"
#include "tests/reference/tiny_model.hpp"

using namespace troupe;

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

TEST_CASE("tiny: who asks for greedy tokens where there are only logits is told so", "[llama]") {
  const auto model = reference::make_tiny_model(9);
  token_id chosen = 0;
  model_runner runner(*model, 1, 1, 16, 16);
  CHECK_THROWS_WITH(runner.step({{0, {1, 2}, 0, 1, &chosen}}), Catch::Contains("greedy"));
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
