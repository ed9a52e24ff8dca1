#pragma once

#include "model/llama_parameters.hpp"
#include "tests/model/llama_fixture.hpp"
#include "tests/reference/reference_llama.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <span>
#include <vector>

namespace troupe {

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
inline void compare_position(std::span<const double> want, std::span<const float> got, const token_id* next,
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

/// Our logits [tokens, vocabulary] against float64's. sure: see compare_position.
inline comparison compare_all(const llama_parameters& parameters, std::span<const tensor_view> tensors,
                              std::span<const token_id> tokens, std::span<const float> ours, double sure,
                              int threads) {
  comparison out;
  std::mutex guard;
  const auto vocabulary = static_cast<size_t>(parameters.shape.vocabulary);
  reference::reference_logits(
      parameters, tensors, tokens, 0, threads, [&](size_t position, std::span<const double> want) {
        comparison one;
        compare_position(want, ours.subspan(position * vocabulary, vocabulary),
                         position + 1 < tokens.size() ? &tokens[position + 1] : nullptr, sure, one);
        const std::lock_guard lock(guard);
        out.differences.push_back(one.differences.front());
        out.other_tokens += one.other_tokens;
        out.our_loss += one.our_loss;
        out.reference_loss += one.reference_loss;
        out.predicted += one.predicted;
      });
  return out;
}

inline void report(const char* what, comparison found) {
  WARN(what << ", " << found.differences.size() << " positions: worst difference " << 100 * found.worst()
            << "% of the range, median " << 100 * found.median()
            << "%; other greedy tokens where sure: " << found.other_tokens << "; perplexity "
            << std::exp(found.our_loss / static_cast<double>(found.predicted)) << ", times "
            << found.perplexity_ratio() << " of float64's");
}

} // namespace troupe
