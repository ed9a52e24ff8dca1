#pragma once

#include "tests/model/llama_fixture.hpp"
#include "tests/reference/random_values.hpp"

#include <functional>
#include <vector>

namespace troupe {

inline std::vector<token_id> random_tokens(size_t count, int32_t vocabulary, uint64_t seed) {
  reference::random_values random(seed);
  std::vector<token_id> out(count);
  for (auto& token : out)
    token = random.below(vocabulary);
  return out;
}

inline std::vector<float> row_of(const std::vector<float>& logits, size_t row, size_t vocabulary) {
  const auto first = logits.begin() + static_cast<std::ptrdiff_t>(row * vocabulary);
  return {first, first + static_cast<std::ptrdiff_t>(vocabulary)};
}

/// `count` sequences decode side by side after prompts of different lengths; each must get the bits that it
/// gets alone. text: tokens of one sequence.
inline void check_company(const language_model& model, int32_t count, int32_t prompt_max, int32_t decoded,
                          const std::function<std::vector<token_id>(int32_t sequence)>& text) {
  const auto vocabulary = static_cast<size_t>(model.shape().vocabulary);
  const auto positions = prompt_max + decoded;
  model_runner together(model, 2, count, positions, positions * count);
  std::vector<std::vector<token_id>> tokens;
  std::vector<int32_t> at;
  std::vector<model_runner::part> prompts;
  for (int32_t s = 0; s < count; ++s) {
    tokens.push_back(text(s));
    at.push_back(1 + s * 5 % prompt_max);
    prompts.push_back({s, {tokens.back().begin(), tokens.back().begin() + at.back()}, 0, 1});
  }
  auto logits = together.step(prompts);
  std::vector<std::vector<float>> found(static_cast<size_t>(count));
  for (int32_t step = 0; step <= decoded; ++step) {
    std::vector<model_runner::part> parts;
    for (int32_t s = 0; s < count; ++s) {
      const auto row = row_of(logits, static_cast<size_t>(s), vocabulary);
      auto& rows = found[static_cast<size_t>(s)];
      rows.insert(rows.end(), row.begin(), row.end());
      auto& position = at[static_cast<size_t>(s)];
      parts.push_back({s, {tokens[static_cast<size_t>(s)][static_cast<size_t>(position)]}, position, 1});
      ++position;
    }
    if (step < decoded)
      logits = together.step(parts);
  }
  size_t different = 0;
  model_runner alone(model, 1, 1, positions, positions);
  for (int32_t s = 0; s < count; ++s) {
    auto& line = tokens[static_cast<size_t>(s)];
    const auto prompt = 1 + s * 5 % prompt_max;
    line.resize(static_cast<size_t>(prompt + decoded));
    const auto rows = alone.step({{0, line, 0, decoded + 1}});
    different += !same_floats(rows, found[static_cast<size_t>(s)]);
  }
  CHECK(different == 0);
}

} // namespace troupe
