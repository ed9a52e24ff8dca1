#include "tests/sim/page_shadow.hpp"

#include "base/page_size.hpp"
#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace troupe::sim {

page_shadow::page_shadow(int32_t page_count) : cells_(static_cast<size_t>(page_count * page_tokens)) {}

uint64_t& page_shadow::cell(const step_row& row, int32_t position) {
  const auto page = row.block_table.at(static_cast<size_t>(position / page_tokens));
  return cells_.at(static_cast<size_t>(page * page_tokens + position % page_tokens));
}

void page_shadow::compute(const step_row& row, const sequence_spec& spec, std::span<const token_id> known,
                          const attention_window& window) {
  const auto end = row.position + static_cast<int32_t>(row.tokens.size());
  require(end <= static_cast<int32_t>(known.size()),
          fmt::format("sequence {}: positions to {} computed, {} tokens known", row.id, end, known.size()));
  uint64_t hash = std::hash<std::string>{}(spec.tenant + '\n' + spec.cache_salt);
  for (int32_t position = 0; position < end; ++position) {
    const auto token = known[static_cast<size_t>(position)];
    hash = (hash ^ static_cast<uint64_t>(token + 1)) * 1099511628211u;
    if (position < row.position) {
      if (position >= window.sinks && position < window.first_of(row.position))
        continue;
      require(row.block_table[static_cast<size_t>(position / page_tokens)] >= 0,
              fmt::format("sequence {}: position {} has no page", row.id, position));
      require(cell(row, position) == hash,
              fmt::format("sequence {}: position {} is not in its page", row.id, position));
      continue;
    }
    require(row.tokens[static_cast<size_t>(position - row.position)] == token,
            fmt::format("sequence {}: another token at position {}", row.id, position));
    cell(row, position) = hash;
  }
}

void page_shadow::scribble(page_id page) {
  const auto first = cells_.begin() + page * page_tokens;
  std::fill(first, first + page_tokens, 0);
}

} // namespace troupe::sim
