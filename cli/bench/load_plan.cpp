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

std::string load_plan::prompt(int64_t index, int32_t prompt_tokens) const {
  std::seed_seq mixed{static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32),
                      static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)};
  std::mt19937_64 random(mixed);
  std::string text;
  for (int32_t i = 0; i < prompt_tokens; ++i) {
    if (i > 0)
      text += ' ';
    text += words[random() % words.size()];
  }
  return text;
}

std::vector<int64_t> load_plan::arrivals_us(int64_t count, double per_second) const {
  std::mt19937_64 random(seed_);
  std::vector<int64_t> out;
  double at_us = 0;
  for (int64_t i = 0; i < count; ++i) {
    at_us += -std::log1p(-uniform(random)) / per_second * 1e6;
    out.push_back(static_cast<int64_t>(at_us));
  }
  return out;
}

} // namespace troupe
