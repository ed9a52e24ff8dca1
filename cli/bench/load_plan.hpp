#pragma once

#include "cli/bench/length_distribution.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace troupe {

/// What one request of a load asks.
struct planned_request {
  std::string prompt;
  int32_t max_tokens = 0; // 0 in a file of prompts: drawn from the plan's lengths
};

struct load_plan_options {
  uint64_t seed = 0;
  length_distribution prompt_tokens{128};
  length_distribution max_tokens{64};
  std::vector<planned_request> prompts{}; // sent in this order, again and again; empty: made up
};

/// What a load sends: a function of the seed, the same on every machine.
class load_plan {
public:
  explicit load_plan(load_plan_options options) : options_(std::move(options)) {}

  /// A prompt that is made up has about so many tokens of English-looking words (one token each in most
  /// vocabularies), another text for each index.
  planned_request at(int64_t index) const;

private:
  load_plan_options options_;
};

/// The arrivals of a Poisson process: a function of the seed.
class arrival_process {
public:
  arrival_process(uint64_t seed, double per_second) : random_(seed), per_second_(per_second) {}

  /// Microseconds from the start to the next arrival; ascending.
  int64_t next_us();

private:
  std::mt19937_64 random_;
  double per_second_;
  double at_us_ = 0;
};

} // namespace troupe
