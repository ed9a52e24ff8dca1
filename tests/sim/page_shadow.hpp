#pragma once

#include "actors/messages.hpp"
#include "base/attention_window.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe::sim {

/// What each cell of the KV pages stands for: a hash of all tokens up to its position. It says at once where
/// a row reads what is not its own, which wrong bits would show only later.
class page_shadow {
public:
  explicit page_shadow(int32_t page_count);

  /// The row's earlier positions, as far as it sees them, are in its pages, computed from `known`, the tokens
  /// of its sequence, for its own tenant and salt; then its own positions are written. Throws world_failure.
  void compute(const step_row& row, const sequence_spec& spec, std::span<const token_id> known,
               const attention_window& window);

  /// Whatever the page holds is not to be read again.
  void scribble(page_id page);

private:
  uint64_t& cell(const step_row& row, int32_t position);

  std::vector<uint64_t> cells_; // [page_count, page_tokens]; 0: nothing
};

} // namespace troupe::sim
