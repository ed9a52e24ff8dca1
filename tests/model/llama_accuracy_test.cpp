#include "tests/model/reference_comparison.hpp"
#include "tests/reference/random_values.hpp"
#include "tests/reference/tiny_model.hpp"

#include <cmath>

using namespace troupe;

namespace {

comparison compare_english(size_t count) {
  const auto file = open_test_model();
  const auto parameters = read_llama_parameters(file);
  REQUIRE(parameters);
  const auto model = load_language_model(file, {.isa = detect_instruction_set()});
  REQUIRE(model);
  const auto tokens = english_tokens(count);
  model_runner runner(**model, 2, 1, static_cast<int32_t>(count), 256);
  return compare_all(*parameters, file.tensors(), tokens, runner.all_logits(0, tokens, {256}), 0.02, 2);
}

/// The gate for quantized activations and fp16 keys and values: three to four times what is measured, so that
/// a loss of two bits somewhere shows (docs/decisions/0001).
void check_gate(comparison found) {
  report("English", found);
  CHECK(found.worst() <= 0.01);
  CHECK(found.median() <= 0.004);
  CHECK(found.other_tokens == 0);
  CHECK(std::abs(found.perplexity_ratio() - 1.0) <= 0.002);
}

} // namespace

TEST_CASE("the tiny model agrees with float64", "[llama]") {
  const auto weights = reference::make_tiny_weights(5);
  const auto model = reference::make_tiny_model(5);
  reference::random_values random(6);
  std::vector<token_id> tokens(300);
  for (auto& token : tokens)
    token = random.below(weights.parameters.shape.vocabulary);
  model_runner runner(*model, 2, 1, 300, 64);
  const auto ours = runner.all_logits(0, tokens, {64});
  auto found = compare_all(weights.parameters, weights.tensors, tokens, ours, 0.01, 2);
  CHECK(found.differences.size() == 300);
  CHECK(found.worst() < 0.01);
  CHECK(found.median() < 0.004);
  CHECK(found.other_tokens == 0);
}

// A minute on two cores, nearly all of it the float64 pass.
TEST_CASE("the default model agrees with float64 on 2,000 positions of English", "[llama][accuracy]") {
  check_gate(compare_english(2000));
}
