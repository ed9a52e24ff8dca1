#include "tests/device/device_model.hpp"
#include "tests/model/company.hpp"
#include "tests/reference/tiny_model.hpp"

using namespace troupe;

TEST_CASE("card: any chunking of the default model gives the logits of one step") {
  const auto file = open_test_model();
  const auto model = load_on_card(file);
  const auto tokens = english_tokens(300);
  const auto expected = model_runner(*model, 1, 1, 320, 512).all_logits(0, tokens, {300});
  CHECK(std::none_of(expected.begin(), expected.end(), [](float x) { return x == 12345.0f || x != x; }));
  for (const auto& steps :
       {std::vector{1}, {7}, {16}, {64}, {65}, {100, 1, 3, 128}, {255, 1}, {77, 5, 130}}) {
    INFO("first step " << steps.front());
    CHECK(same_floats(model_runner(*model, 1, 1, 320, 512).all_logits(0, tokens, steps), expected));
  }
}

TEST_CASE("card: sequences of the default model side by side get what each gets alone") {
  const auto file = open_test_model();
  const auto model = load_on_card(file);
  const auto tokens = english_tokens(1500);
  const auto text = [&](int32_t s) {
    return std::vector<token_id>(tokens.begin() + s * 10, tokens.begin() + s * 10 + 60);
  };
  check_company(*model, 1, 20, 10, text);
  check_company(*model, 5, 20, 10, text);
  check_company(*model, 32, 20, 30, text);
  check_company(*model, 64, 12, 6, text);
  check_company(*model, 100, 12, 4, text); // more than the decoding kernels take at once
}

TEST_CASE("card: decoding sequences and chunks of prompts share a step") {
  const auto file = open_test_model();
  const auto model = load_on_card(file);
  const auto vocabulary = static_cast<size_t>(model->shape().vocabulary);
  const auto tokens = english_tokens(500);
  const auto expected = model_runner(*model, 1, 1, 512, 512).all_logits(0, tokens, {500});
  const auto expects = [&](const std::vector<float>& logits, size_t row, size_t position) {
    return std::memcmp(logits.data() + row * vocabulary, expected.data() + position * vocabulary,
                       vocabulary * sizeof(float)) == 0;
  };
  const auto cut = [&](size_t begin, size_t end) {
    return std::vector<token_id>(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                 tokens.begin() + static_cast<std::ptrdiff_t>(end));
  };
  model_runner together(*model, 1, 4, 512, 512);
  // All four compute the same text; 0 and 1 decode behind prompts of different lengths, 2 and 3 prefill.
  together.step({{0, cut(0, 130), 0, 0}, {1, cut(0, 300), 0, 0}});
  size_t wrong = 0;
  for (size_t i = 0; i < 40; ++i) {
    const auto at0 = 130 + i, at1 = 300 + i, at2 = i * 12, at3 = i * 3;
    const auto logits =
        together.step({{0, cut(at0, at0 + 1), static_cast<int32_t>(at0), 1},
                       {2, cut(at2, at2 + 12), static_cast<int32_t>(at2), 2},
                       {1, cut(at1, at1 + 1), static_cast<int32_t>(at1), 1},
                       {3, cut(at3, at3 + 3), static_cast<int32_t>(at3), static_cast<int32_t>(i % 2)}});
    wrong += !expects(logits, 0, at0) + !expects(logits, 1, at2 + 10) + !expects(logits, 2, at2 + 11) +
             !expects(logits, 3, at1);
    if (i % 2 == 1)
      wrong += !expects(logits, 4, at3 + 2);
  }
  CHECK(wrong == 0);
}

TEST_CASE("card: a tiny model of every tensor type, packed and widened, in any chunking and company") {
  const auto weights = reference::make_tiny_weights(7, 64);
  const auto model = make_on_card(weights.parameters, weights.tensors);
  const auto tokens = random_tokens(300, 320, 1);
  const auto expected = model_runner(*model, 1, 1, 320, 512).all_logits(0, tokens, {300});
  CHECK(std::none_of(expected.begin(), expected.end(), [](float x) { return x == 12345.0f || x != x; }));
  for (const auto& steps : {std::vector{1}, {7}, {64}, {65}, {255, 1}})
    CHECK(same_floats(model_runner(*model, 1, 1, 320, 512).all_logits(0, tokens, steps), expected));
  check_company(*model, 32, 40, 20,
                [](int32_t s) { return random_tokens(64, 320, 100 + static_cast<uint64_t>(s)); });
}

TEST_CASE("card: a model loaded twice, and pages made anew, give the same bits and the same class") {
  const auto file = open_test_model();
  const auto tokens = english_tokens(150);
  const auto first = load_on_card(file), second = load_on_card(file);
  CHECK(first->numeric_class() == second->numeric_class());
  model_runner one(*first, 1, 1, 200, 512), other(*first, 1, 1, 200, 512), third(*second, 1, 1, 200, 512);
  const auto expected = one.all_logits(0, tokens, {100, 1});
  CHECK(same_floats(other.all_logits(0, tokens, {100, 1}), expected)); // recorded steps follow their pages
  CHECK(same_floats(one.all_logits(0, tokens, {100, 1}), expected));
  CHECK(same_floats(third.all_logits(0, tokens, {150}), expected));
}

TEST_CASE("card: greedy tokens are those of the logits, alone, in company, decoded and behind prompts") {
  const auto file = open_test_model();
  const auto model = load_on_card(file);
  REQUIRE(model->chooses_greedily());
  const auto tokens = english_tokens(1500);
  const auto best_of = [](const float* row, size_t wide) {
    return static_cast<token_id>(std::max_element(row, row + wide) - row);
  };
  const auto wide = static_cast<size_t>(model->shape().vocabulary);
  for (const int32_t count : {1, 3, 32, 64, 100}) {
    model_runner runner(*model, 2, count, 64, 2048);
    int32_t position = 0;
    size_t wrong = 0;
    for (const int32_t length : {10, 1, 1, 1, 3}) { // prompts, three times decoding, chunks
      std::vector<model_runner::part> parts;
      std::vector<token_id> greedy(static_cast<size_t>(count), -7);
      for (int32_t s = 0; s < count; ++s) {
        const auto first = tokens.begin() + s * 10 + position;
        parts.push_back({s, {first, first + length}, position, 1});
      }
      const auto all = runner.step(parts);
      for (int32_t s = 0; s < count; s += 1 + s % 3) // some that want logits among them
        parts[static_cast<size_t>(s)].greedy = &greedy[static_cast<size_t>(s)];
      const auto rest = runner.step(parts);
      size_t row = 0;
      for (size_t s = 0; s < parts.size(); ++s) {
        if (parts[s].greedy != nullptr)
          wrong += greedy[s] != best_of(all.data() + s * wide, wide);
        else
          wrong += std::memcmp(rest.data() + row++ * wide, all.data() + s * wide, wide * sizeof(float)) != 0;
      }
      wrong += rest.size() != row * wide;
      position += length;
    }
    CAPTURE(count);
    CHECK(wrong == 0);
  }
}
