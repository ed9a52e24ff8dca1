#include "model/llama_parameters.hpp"
#include "tests/model/llama_fixture.hpp"
#include "tests/reference/random_values.hpp"
#include "tests/reference/reference_llama.hpp"
#include "tests/reference/tiny_model.hpp"

#include <cmath>
#include <mutex>

using namespace troupe;

namespace {

/// How far our logits are from float64's, over all positions.
struct comparison {
  std::vector<double> differences; // largest of each position, over the range of the reference's logits
  size_t other_tokens = 0;         // positions with another greedy token though the reference was sure
  double our_loss = 0.0, reference_loss = 0.0; // sums of -log p(next token)
  size_t predicted = 0;

  double worst() const { return *std::max_element(differences.begin(), differences.end()); }
  double median() {
    const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
    std::nth_element(differences.begin(), middle, differences.end());
    return *middle;
  }
  double perplexity_ratio() const {
    return std::exp((our_loss - reference_loss) / static_cast<double>(predicted));
  }
};

template <class Logits>
double loss_of(const Logits& logits, token_id next) {
  double largest = -INFINITY, total = 0.0;
  for (double value : logits)
    largest = std::max(largest, value);
  for (double value : logits)
    total += std::exp(value - largest);
  return std::log(total) + largest - logits[static_cast<size_t>(next)];
}

/// sure: the share of the range by which the reference's best token must lead to count as sure.
void compare_position(std::span<const double> want, std::span<const float> got, const token_id* next,
                      double sure, comparison& out) {
  double low = INFINITY, first = -INFINITY, second = -INFINITY, difference = 0.0;
  size_t best = 0, our_best = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    low = std::min(low, want[i]);
    difference = std::isnan(got[i]) ? INFINITY : std::max(difference, std::abs(want[i] - got[i]));
    our_best = got[i] > got[our_best] ? i : our_best;
    if (want[i] > first) {
      second = first;
      first = want[i];
      best = i;
    } else {
      second = std::max(second, want[i]);
    }
  }
  const double range = first - low;
  out.differences.push_back(difference / range);
  out.other_tokens += first - second > sure * range && best != our_best;
  if (next == nullptr)
    return;
  out.our_loss += loss_of(got, *next);
  out.reference_loss += loss_of(want, *next);
  ++out.predicted;
}

comparison compare_english(size_t count) {
  const auto file = open_test_model();
  const auto parameters = read_llama_parameters(file);
  REQUIRE(parameters);
  const auto model = load_language_model(file, {.isa = detect_instruction_set()});
  REQUIRE(model);
  const auto tokens = english_tokens(count);
  model_runner runner(**model, 2, 1, static_cast<int32_t>(count), 256);
  const auto ours = runner.all_logits(0, tokens, {256});
  comparison out;
  std::mutex guard;
  const auto vocabulary = static_cast<size_t>(parameters->shape.vocabulary);
  reference::reference_logits(
      *parameters, file.tensors(), tokens, 0, 2, [&](size_t position, std::span<const double> want) {
        comparison one;
        compare_position(want, std::span(ours).subspan(position * vocabulary, vocabulary),
                         position + 1 < count ? &tokens[position + 1] : nullptr, 0.02, one);
        const std::lock_guard lock(guard);
        out.differences.push_back(one.differences.front());
        out.other_tokens += one.other_tokens;
        out.our_loss += one.our_loss;
        out.reference_loss += one.reference_loss;
        out.predicted += one.predicted;
      });
  return out;
}

/// The gate for quantized activations and fp16 keys and values: three to four times what is measured, so that
/// a loss of two bits somewhere shows (docs/decisions/0001).
void check_gate(comparison found) {
  WARN(found.differences.size() << " positions: worst difference " << 100 * found.worst()
                                << "% of the range, median " << 100 * found.median()
                                << "%; other greedy tokens where sure: " << found.other_tokens
                                << "; perplexity "
                                << std::exp(found.our_loss / static_cast<double>(found.predicted))
                                << ", times " << found.perplexity_ratio() << " of float64's");
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
  comparison found;
  std::mutex guard;
  reference::reference_logits(
      weights.parameters, weights.tensors, tokens, 0, 2, [&](size_t t, std::span<const double> want) {
        const std::lock_guard lock(guard);
        compare_position(want, std::span(ours).subspan(t * 320, 320), nullptr, 0.01, found);
      });
  CHECK(found.differences.size() == 300);
  CHECK(found.worst() < 0.01);
  CHECK(found.median() < 0.004);
  CHECK(found.other_tokens == 0);
}

// A minute on two cores, nearly all of it the float64 pass.
TEST_CASE("the default model agrees with float64 on 2,000 positions of English", "[llama][accuracy]") {
  check_gate(compare_english(2000));
}
