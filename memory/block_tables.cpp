#include "memory/block_tables.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

namespace troupe {

result<std::vector<page_id>> block_tables::grow(sequence_id id, int32_t tokens) {
  auto known = tables_.find(id);
  const auto have = known == tables_.end() ? 0 : static_cast<int32_t>(known->second.size());
  const auto want = pages_of(tokens);
  if (want <= have)
    return std::vector<page_id>{};
  if (want > pool_.total_pages())
    return failure(page_error::too_large, fmt::format("{} tokens need {} pages, the pool has {}", tokens,
                                                      want, pool_.total_pages()));
  auto pages = pool_.allocate(want - have);
  if (!pages)
    return pages;
  auto& table = tables_[id];
  table.insert(table.end(), pages->begin(), pages->end());
  return pages;
}

void block_tables::release(sequence_id id) {
  auto known = tables_.find(id);
  if (known == tables_.end())
    return;
  pool_.release(known->second);
  tables_.erase(known);
}

void block_tables::check_conservation() const {
  pool_.check_conservation();
  size_t held = 0;
  for (const auto& [id, table] : tables_)
    held += table.size();
  TROUPE_CHECK(held == static_cast<size_t>(pool_.used_pages()),
               fmt::format("tables hold {} pages, the pool counts {}", held, pool_.used_pages()));
}

} // namespace troupe
