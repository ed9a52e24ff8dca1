#pragma once

#include "cli/event_flag.hpp"
#include "net/front_door.hpp"

#include <mutex>
#include <optional>
#include <vector>

namespace troupe {

/// Carries what a front door says from its I/O thread to the thread of a command. What waits here is bounded
/// by the ledger's credit: the reader acknowledges only what it took.
class answer_inbox final : public stream_listener {
public:
  struct news {
    std::optional<accepted_response> accepted;
    std::optional<rejection> rejected;
    std::vector<response_event> events;
  };

  void on_accepted(const accepted_response&) override;
  void on_rejected(const rejection&) override;
  void on_events(std::span<const response_event>) override;

  /// Readable while there is news.
  int fd() const { return flag_.fd(); }

  /// All since the last call.
  news take();

private:
  std::mutex mutex_;
  news waiting_;
  event_flag flag_;
};

} // namespace troupe
