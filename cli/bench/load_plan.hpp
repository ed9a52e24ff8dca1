#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace troupe {

/// What a load sends and when: a function of the seed, the same on every machine.
class load_plan {
public:
  explicit load_plan(uint64_t seed) : seed_(seed) {}

  /// About prompt_tokens tokens of English-looking words (one token each in most vocabularies), another text
  /// for each index.
  std::string prompt(int64_t index, int32_t prompt_tokens) const;

  /// Microseconds from the start to each arrival of a Poisson process, ascending.
  std::vector<int64_t> arrivals_us(int64_t count, double per_second) const;

private:
  uint64_t seed_;
};

} // namespace troupe
