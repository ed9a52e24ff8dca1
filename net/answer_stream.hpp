#pragma once

#include "net/event_encoder.hpp"
#include "net/front_door.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// What waits between the front door and the writer of one connection: frames that were not yet taken, and
/// how the answer stands. Of one response, or of several that a choice_group makes one. Lives on the I/O
/// thread.
class answer_stream final : public stream_listener {
public:
  enum class phase { waiting, accepted, rejected, ended, taken_over };

  /// Frames taken for writing, and what to acknowledge once they are written.
  struct batch {
    std::vector<std::string> frames;
    std::vector<acknowledge_events> passed; // one a response
    bool ended = false;
  };

  /// wake: called after every change. bytes_max: unsent_bytes_max, for each response.
  answer_stream(std::unique_ptr<event_encoder> encoder, std::function<void()> wake, size_t bytes_max)
      : encoder_(std::move(encoder)), wake_(std::move(wake)), bytes_max_(bytes_max) {}

  void on_accepted(const accepted_response&) override;
  void on_rejected(const rejection&) override;
  void on_events(std::span<const response_event>) override;
  void on_taken_over() override;

  phase state() const { return phase_; }

  /// Nothing more comes: it was refused, it has ended, or another connection reads it now.
  bool over() const { return phase_ != phase::waiting && phase_ != phase::accepted; }
  const rejection& refused() const { return *rejection_; }

  /// The `failed` event, once it came.
  const std::optional<response_event>& failed() const { return failed_; }

  /// Something to write, or only to acknowledge.
  bool pending() const { return !frames_.empty() || !passed_.empty(); }

  batch take();

  /// The front door went on although nothing was acknowledged: more than twice the bound is waiting.
  bool overflowed() const { return overflowed_; }

  /// Deltas so far, for the log.
  int64_t delta_count() const { return delta_count_; }

  /// Nobody is listening any more: events are dropped, wake is not called.
  void detach();

private:
  void note_passed(const response_event&);
  void changed() const;

  std::unique_ptr<event_encoder> encoder_;
  std::function<void()> wake_;
  size_t bytes_max_;
  phase phase_ = phase::waiting;
  std::optional<rejection> rejection_;
  std::optional<response_event> failed_;
  std::vector<std::string> frames_;
  size_t bytes_ = 0; // in frames_
  std::vector<acknowledge_events> passed_;
  int64_t delta_count_ = 0;
  bool overflowed_ = false;
};

} // namespace troupe
