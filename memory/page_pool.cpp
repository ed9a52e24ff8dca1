#include "memory/page_pool.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

namespace troupe {

page_pool::page_pool(int32_t page_count) {
  TROUPE_CHECK(page_count > 0, "a pool needs at least one page");
  references_.resize(static_cast<size_t>(page_count), 0);
  kept_.resize(static_cast<size_t>(page_count), false);
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
  const auto at = static_cast<size_t>(page);
  auto& count = references_.at(at);
  TROUPE_CHECK(count > 0 || kept_[at], "a reference to a free page");
  if (count++ == 0)
    --idle_;
}

void page_pool::release(std::span<const page_id> pages) {
  for (page_id page : pages) {
    const auto at = static_cast<size_t>(page);
    auto& count = references_.at(at);
    TROUPE_CHECK(count > 0, "a page released more often than referenced");
    if (--count > 0)
      continue;
    if (kept_[at])
      ++idle_;
    else
      free_.push_back(page);
  }
}

void page_pool::keep(page_id page) {
  const auto at = static_cast<size_t>(page);
  TROUPE_CHECK(references_.at(at) > 0 && !kept_[at], "only a used page can become a kept one");
  kept_[at] = true;
}

void page_pool::forget(page_id page) {
  const auto at = static_cast<size_t>(page);
  TROUPE_CHECK(kept_.at(at), "a page that is not kept");
  kept_[at] = false;
  if (references_[at] > 0)
    return;
  --idle_;
  free_.push_back(page);
}

void page_pool::check_conservation() const {
  std::vector<bool> seen(references_.size(), false);
  for (page_id page : free_) {
    TROUPE_CHECK(!seen.at(static_cast<size_t>(page)), fmt::format("page {} is free twice", page));
    seen[static_cast<size_t>(page)] = true;
  }
  int32_t idle = 0;
  for (size_t page = 0; page < references_.size(); ++page) {
    TROUPE_CHECK((references_[page] == 0 && !kept_[page]) == seen[page],
                 fmt::format("page {} is lost", page));
    idle += references_[page] == 0 && kept_[page] ? 1 : 0;
  }
  TROUPE_CHECK(idle == idle_, fmt::format("{} pages are idle, {} were counted", idle, idle_));
}

} // namespace troupe
