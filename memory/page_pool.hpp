#pragma once

#include "base/ids.hpp"
#include "base/page_size.hpp"
#include "base/result.hpp"
#include "memory/errors.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// Which KV pages are free and how often each other one is referenced. Knows numbers only, no memory.
class page_pool {
public:
  /// Pages 0 .. page_count - 1, all free.
  explicit page_pool(int32_t page_count);

  /// `count` pages with one reference each, or none at all. Errors: out_of_pages, too_large.
  result<std::vector<page_id>> allocate(int32_t count);

  void add_reference(page_id page);

  /// Takes one reference from each; a page without references is free again.
  void release(std::span<const page_id> pages);

  int32_t total_pages() const { return static_cast<int32_t>(references_.size()); }
  int32_t free_pages() const { return static_cast<int32_t>(free_.size()); }
  int32_t used_pages() const { return total_pages() - free_pages(); }

  /// Invariant 6: free + used = total, a page is free exactly if it has no reference, no page is free twice.
  void check_conservation() const;

private:
  std::vector<int32_t> references_; // [page]
  std::vector<page_id> free_;       // last in, first out: recently used pages are warm
};

} // namespace troupe
