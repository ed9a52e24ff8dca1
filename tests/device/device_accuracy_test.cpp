#include "tests/device/device_model.hpp"
#include "tests/model/company.hpp"
#include "tests/model/reference_comparison.hpp"
#include "tests/reference/tiny_model.hpp"

#include <thread>

using namespace troupe;

namespace {

int all_cores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

} // namespace

TEST_CASE("card: the tiny model of every tensor type agrees with float64") {
  const auto weights = reference::make_tiny_weights(5, 64);
  const auto model = make_on_card(weights.parameters, weights.tensors);
  const auto tokens = random_tokens(300, 320, 6);
  const auto ours = model_runner(*model, 1, 1, 320, 512).all_logits(0, tokens, {64});
  auto found = compare_all(weights.parameters, weights.tensors, tokens, ours, 0.02, all_cores());
  report("tiny", found);
  CHECK(found.differences.size() == 300);
  CHECK(found.worst() <
        0.06); // three of its matrices are fp32 and fp16 in the file, and two layers average little
  CHECK(found.median() < 0.02);
  CHECK(found.other_tokens == 0);
}

TEST_CASE("card: the default model agrees with float64 on 2,000 positions of English", "[accuracy]") {
  const auto file = open_test_model();
  const auto parameters = read_llama_parameters(file);
  REQUIRE(parameters);
  const auto model = load_on_card(file);
  const auto tokens = english_tokens(2000);
  const auto ours = model_runner(*model, 1, 1, 2048, 512).all_logits(0, tokens, {512});
  auto found = compare_all(*parameters, file.tensors(), tokens, ours, 0.02, all_cores());
  report("SmolLM2", found);
  CHECK(found.differences.size() == 2000);
  CHECK(found.worst() <= 0.03);
  CHECK(found.median() <= 0.01);
  CHECK(found.other_tokens == 0);
  CHECK(std::abs(found.perplexity_ratio() - 1.0) <= 0.005);
}
