#include "net/best_choices.hpp"

#include <algorithm>
#include <numeric>

namespace troupe {

namespace {

double merit_of(const choice_tally::choice& one) {
  return one.terminal->cumulative_logprob / std::max(one.terminal->output_tokens, 1);
}

} // namespace

std::vector<size_t> best_choices(const choice_tally& tally, size_t shown) {
  std::vector<size_t> best;
  const auto made = tally.per_prompt();
  for (size_t first = 0; first < tally.size(); first += made) {
    std::vector<size_t> order(made);
    std::iota(order.begin(), order.end(), first);
    if (shown < made)
      std::ranges::stable_sort(order,
                               [&](size_t a, size_t b) { return merit_of(tally[a]) > merit_of(tally[b]); });
    best.insert(best.end(), order.begin(), order.begin() + static_cast<ptrdiff_t>(shown));
  }
  return best;
}

} // namespace troupe
