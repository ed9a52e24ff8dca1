#include "cli/bench/load_plan.hpp"

#include <array>
#include <cmath>
#include <string_view>

namespace troupe {

namespace {

constexpr std::array<std::string_view, 64> words{
    "time",   "year",   "people", "way",   "day",    "man",  "thing", "woman",  "life", "child", "world",
    "school", "state",  "family", "group", "hand",   "part", "place", "case",   "week", "work",  "point",
    "number", "night",  "water",  "room",  "mother", "area", "money", "story",  "fact", "month", "lot",
    "right",  "study",  "book",   "eye",   "job",    "word", "side",  "kind",   "head", "house", "service",
    "friend", "father", "power",  "hour",  "game",   "line", "end",   "member", "law",  "car",   "city",
    "name",   "team",   "minute", "idea",  "body",   "face", "level", "office", "door"};

/// In [0, 1). The standard's distributions differ between libraries; this does not.
double uniform(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

} // namespace

planned_request load_plan::at(int64_t index) const {
  std::seed_seq mixed{static_cast<uint32_t>(options_.seed), static_cast<uint32_t>(options_.seed >> 32),
                      static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)};
  std::mt19937_64 random(mixed);
  planned_request out;
  if (!options_.prompts.empty())
    out = options_.prompts[static_cast<size_t>(index) % options_.prompts.size()];
  const int32_t prompt_tokens = options_.prompts.empty() ? options_.prompt_tokens.draw(random) : 0;
  if (out.max_tokens == 0)
    out.max_tokens = options_.max_tokens.draw(random);
  for (int32_t i = 0; i < prompt_tokens; ++i) {
    if (i > 0)
      out.prompt += ' ';
    out.prompt += words[random() % words.size()];
  }
  return out;
}

int64_t arrival_process::next_us() {
  at_us_ += -std::log1p(-uniform(random_)) / per_second_ * 1e6;
  return static_cast<int64_t>(at_us_);
}

} // namespace troupe
