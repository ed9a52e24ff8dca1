#pragma once

#include "actors/messages.hpp"
#include "actors/page_tier.hpp"
#include "base/clock.hpp"
#include "memory/prefix_index.hpp"

#include <unordered_map>

namespace troupe {

/// Brings pages of a sequence's beginning back from a slower tier into the prefix index, while the sequence
/// waits without pages and others run. Everything is bounded, and a fetch that fails costs no more than the
/// wait: what did not come is computed. Others who want the same pages wait along.
class page_fetches {
public:
  /// index and clock must outlive this.
  page_fetches(prefix_index& index, page_tier tier, const time_source& clock)
      : index_(index), tier_(std::move(tier)), clock_(clock) {}

  /// Whether a sequence should wait that has found pages [0, found) of its chain and can use [0, usable):
  /// because the next one is on its way, or is now. A sequence fetches once.
  bool awaits(const page_need& need, size_t found, size_t usable);

  /// The answer of a read; empty: it failed. True: whoever waits should ask again.
  bool take(const page_ticket& ticket, std::span<const std::byte> bytes);

  /// Gives up what is too slow. True: whoever waits should ask again.
  bool expire();

  /// The sequence has its pages, or ended.
  void forget(sequence_id id);

  /// While there is something to expire().
  bool active() const { return active_ > 0; }

private:
  struct fetch {
    uint64_t number = 0;
    std::shared_ptr<const page_chain> chain;
    size_t first = 0, next_read = 0, next_taken = 0, last = 0; // pages; last is one past
    steady_time started{}, progressed{};
    bool over = false;
  };

  void start(const page_need& need, size_t found, size_t last);
  bool read_more(sequence_id id, fetch& wanted);
  bool admit(const fetch& wanted, std::span<const std::byte> bytes);
  void end(sequence_id id, fetch& ended);

  prefix_index& index_;
  page_tier tier_;
  const time_source& clock_;
  std::unordered_map<sequence_id, fetch> fetches_;
  std::unordered_map<page_key, sequence_id> coming_; // pages on their way, and for whom
  uint64_t started_ = 0;
  int active_ = 0;
  steady_time rest_until_{};
};

} // namespace troupe
