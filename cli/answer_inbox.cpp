#include "cli/answer_inbox.hpp"

#include <utility>

namespace troupe {

void answer_inbox::on_accepted(const accepted_response& accepted) {
  std::lock_guard lock(mutex_);
  waiting_.accepted = accepted;
  flag_.raise();
}

void answer_inbox::on_rejected(const rejection& rejected) {
  std::lock_guard lock(mutex_);
  waiting_.rejected = rejected;
  flag_.raise();
}

void answer_inbox::on_events(std::span<const response_event> events) {
  std::lock_guard lock(mutex_);
  waiting_.events.insert(waiting_.events.end(), events.begin(), events.end());
  flag_.raise();
}

answer_inbox::news answer_inbox::take() {
  std::lock_guard lock(mutex_);
  flag_.lower();
  return std::exchange(waiting_, {});
}

} // namespace troupe
