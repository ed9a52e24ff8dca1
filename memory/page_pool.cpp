#include "memory/page_pool.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

namespace troupe {

page_pool::page_pool(int32_t page_count) {
  TROUPE_CHECK(page_count > 0, "a pool needs at least one page");
  references_.resize(static_cast<size_t>(page_count), 0);
  free_.reserve(static_cast<size_t>(page_count));
  for (page_id page = page_count - 1; page >= 0; --page)
    free_.push_back(page);
}

result<std::vector<page_id>> page_pool::allocate(int32_t count) {
  TROUPE_CHECK(count >= 0, "a negative number of pages");
  if (count > total_pages())
    return failure(page_error::too_large,
                   fmt::format("need {} pages, the pool has {}", count, total_pages()));
  if (count > free_pages())
    return failure(page_error::out_of_pages, fmt::format("need {} pages, have {}", count, free_pages()));
  std::vector<page_id> pages(free_.rbegin(), free_.rbegin() + count);
  free_.resize(free_.size() - static_cast<size_t>(count));
  for (page_id page : pages)
    references_[static_cast<size_t>(page)] = 1;
  return pages;
}

void page_pool::add_reference(page_id page) {
  auto& count = references_.at(static_cast<size_t>(page));
  TROUPE_CHECK(count > 0, "a reference to a free page");
  ++count;
}

void page_pool::release(std::span<const page_id> pages) {
  for (page_id page : pages) {
    auto& count = references_.at(static_cast<size_t>(page));
    TROUPE_CHECK(count > 0, "a page released more often than referenced");
    if (--count == 0)
      free_.push_back(page);
  }
}

void page_pool::check_conservation() const {
  std::vector<bool> seen(references_.size(), false);
  for (page_id page : free_) {
    TROUPE_CHECK(!seen.at(static_cast<size_t>(page)), fmt::format("page {} is free twice", page));
    seen[static_cast<size_t>(page)] = true;
  }
  for (size_t page = 0; page < references_.size(); ++page)
    TROUPE_CHECK((references_[page] == 0) == seen[page], fmt::format("page {} is lost", page));
}

} // namespace troupe
