#pragma once

#include "base/ids.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace troupe {

/// Byte-pair encoding over token ids: which neighbours merge, in which order, into what.
class bpe_merges {
public:
  /// Makes room for at most `count` merges.
  explicit bpe_merges(size_t count);

  /// Merges rank in the order in which they are added; a pair's first rank stands.
  void add(token_id left, token_id right, token_id merged);

  /// Working memory of merge(), for reuse from word to word.
  struct scratch {
    struct symbol {
      token_id id;            // -1: merged into the one before
      int32_t previous, next; // positions; -1: none
    };
    struct candidate {
      uint64_t order; // rank, then position from the left
      token_id left, right, merged;
    };
    std::vector<symbol> symbols;
    std::vector<candidate> heap;
  };

  /// Merges the lowest-ranked pair, the leftmost of equals, until none is left; appends what remains to
  /// `out`. O(n log n) time, 60 bytes a symbol. symbols: fewer than 2^31.
  void merge(std::span<const token_id> symbols, scratch& work, std::vector<token_id>& out) const;

private:
  struct slot {
    uint64_t pair = 0; // left and right, each plus one; 0: empty
    uint32_t rank = 0;
    token_id merged = 0;
  };
  size_t slot_of(uint64_t pair) const;
  const slot* find(token_id left, token_id right) const;
  void offer(int32_t position, scratch& work) const;

  std::vector<slot> slots_; // open addressing, at most half full, a power of two
  int shift_;               // of the hash, to an index
  uint32_t added_ = 0;
};

} // namespace troupe
