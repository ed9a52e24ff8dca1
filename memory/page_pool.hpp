#pragma once

#include "base/ids.hpp"
#include "base/page_size.hpp"
#include "base/result.hpp"
#include "memory/errors.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// What each KV page is: free, used (it has references), or idle: without a reference, but kept for whoever
/// wants its content again. Knows numbers only, no memory.
class page_pool {
public:
  /// Pages 0 .. page_count - 1, all free.
  explicit page_pool(int32_t page_count);

  /// `count` free pages with one reference each, or none at all. Errors: out_of_pages, too_large.
  result<std::vector<page_id>> allocate(int32_t count);

  /// Of a used or an idle page.
  void add_reference(page_id page);

  /// Takes one reference from each; a page without references is idle if it is kept, else free again.
  void release(std::span<const page_id> pages);

  /// A used page: its content is worth keeping once nobody references it.
  void keep(page_id page);

  /// A kept page: no longer. Free again, unless it is used.
  void forget(page_id page);

  int32_t references(page_id page) const { return references_.at(static_cast<size_t>(page)); }
  int32_t total_pages() const { return static_cast<int32_t>(references_.size()); }
  int32_t free_pages() const { return static_cast<int32_t>(free_.size()); }
  int32_t idle_pages() const { return idle_; }
  int32_t used_pages() const { return total_pages() - free_pages() - idle_pages(); }

  /// Invariant 6: free + idle + used = total; a page is free exactly if it has no reference and is not kept;
  /// no page is free twice. Looks at every page.
  void check_conservation() const;

private:
  std::vector<int32_t> references_; // [page]
  std::vector<bool> kept_;          // [page]
  std::vector<page_id> free_;       // last in, first out: recently used pages are warm
  int32_t idle_ = 0;
};

} // namespace troupe
