#pragma once

#include "base/ids.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace troupe {

/// The tokens of words seen lately. Fixed at 1 MiB: a word has one place, and a newer one takes it over.
/// It saves time only; many threads may use it.
class word_cache {
public:
  word_cache() : places_(place_count) {}

  /// Appends the word's tokens to `out`; false where it is not held.
  bool append(std::string_view word, std::vector<token_id>& out) const;

  /// Words past 24 bytes or 8 tokens are not kept.
  void keep(std::string_view word, std::span<const token_id> tokens);

private:
  static constexpr size_t place_count = 16'384;
  static constexpr size_t locks = 64; // place i is guarded by lock i % locks

  struct alignas(64) entry { // one cache line
    std::array<char, 24> word;
    std::array<token_id, 8> tokens;
    uint8_t word_bytes = 0; // 0: free
    uint8_t token_count = 0;
  };

  std::vector<entry> places_;
  mutable std::array<std::mutex, locks> locks_;
};

} // namespace troupe
