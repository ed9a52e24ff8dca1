#pragma once

#include "memory/page_pool.hpp"

#include <unordered_map>

namespace troupe {

/// The pages of each sequence, in order of position.
class block_tables {
public:
  /// The pool must outlive this.
  explicit block_tables(page_pool& pool) : pool_(pool) {}

  /// Makes room for the first `tokens` positions of a sequence and returns the pages it added (perhaps none).
  /// All or nothing. Errors: out_of_pages, too_large.
  result<std::vector<page_id>> grow(sequence_id id, int32_t tokens);

  /// Gives all pages of a sequence back. An unknown sequence has none.
  void release(sequence_id id);

  /// Every page a table holds is referenced, and no others are: the pool's used pages are exactly ours.
  void check_conservation() const;

  size_t sequences() const { return tables_.size(); }

private:
  page_pool& pool_;
  std::unordered_map<sequence_id, std::vector<page_id>> tables_;
};

} // namespace troupe
