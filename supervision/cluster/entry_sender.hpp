#pragma once

#include "supervision/cluster/cluster_effects.hpp"
#include "supervision/cluster/entry_record.hpp"

#include <string>

namespace troupe {

/// Brings one record to one node and keeps it up to date there: the head, the prompt in parts, then what is
/// new in batches. It sends again what was not acknowledged in time; a batch holds what came since the last.
class entry_sender {
public:
  struct terms {
    transfer_purpose purpose = transfer_purpose::copy;
    std::string target = {};
    attempt_epoch epoch = {};
    bool leaving = false;
    bool apart = false;
  };

  explicit entry_sender(terms sent) : terms_(std::move(sent)) {}

  /// Sends what is due.
  void pump(const entry_record& record, steady_time now, cluster_effects& out);

  /// False: of another transfer.
  bool acknowledged(const entry_ack& ack);

  /// The target has had all that there was at its last answer, the notes too.
  bool held() const { return held_; }

  /// It has all that there is.
  bool up_to_date(const entry_record& record) const {
    return held_ && tokens_.acked >= record.emitted.size() && revision_acked_ >= record.notes.revision;
  }

  /// The target has it, as it stands, from elsewhere.
  void assume_held(const entry_record& record);

  /// Asks whether the target still has it; if not, it gets all of it anew.
  void ask_again() { head_acked_ = head_sent_ = held_ = false, asked_again_ = true; }

  const std::string& target() const { return terms_.target; }
  bool leaving() const { return terms_.leaving; }
  const attempt_epoch& epoch() const { return terms_.epoch; }

private:
  struct progress {
    uint32_t acked = 0;
    uint32_t sent = 0;
  };

  void send_head(const entry_record& record, steady_time now, cluster_effects& out);
  void send_prompt(const entry_record& record, cluster_effects& out);
  void send_tokens(const entry_record& record, cluster_effects& out);

  terms terms_;
  bool head_sent_ = false;
  bool head_acked_ = false;
  bool held_ = false;
  bool asked_again_ = false;
  uint32_t promised_ = 0; // tokens, in the last head: an attempt gets no others
  progress prompt_, tokens_;
  uint32_t revision_acked_ = 0, revision_sent_ = 0;
  steady_time waiting_since_{};
  bool answered_ = false; // since the last pump, with something new
};

} // namespace troupe
