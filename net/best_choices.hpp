#pragma once

#include "net/choice_tally.hpp"

namespace troupe {

/// Which choices an answer shows, prompt by prompt: all in their order where `shown` is all that were made;
/// else of each prompt those of the highest log probability a token, as OpenAI's API has it, the best one
/// first, the earlier of two that are equal.
std::vector<size_t> best_choices(const choice_tally&, size_t shown);

} // namespace troupe
