#pragma once

#include "supervision/cluster/wire.hpp"

#include <string>
#include <vector>

namespace troupe {

/// All from which an accepted request can be run again anywhere and its events numbered again.
struct entry_record {
  std::string id = {}; // response id
  attempt_epoch epoch = {};
  open_entry request = {};
  accepted_response acceptance = {};
  std::vector<sampled_token> emitted = {};
  steady_time deadline{}; // on this node's clock
  entry_notes notes = {};

  /// About what it takes in memory.
  int64_t bytes() const;
};

/// About what a request takes in memory without its prompt, and in a message.
int64_t head_bytes(const open_entry& request);

/// What a transfer may grow to by the end of its answer.
int64_t promised_bytes(const entry_head& head);

/// Likewise of one token with its log probabilities.
int64_t token_bytes(const sampled_token& token);

/// A record that comes in parts, in any order, some twice.
class entry_assembly {
public:
  entry_assembly(const entry_head& head, steady_time now);

  /// One that is all here.
  explicit entry_assembly(entry_record record);

  void take(const entry_prompt& part);

  /// False: it says something else than what is there, which cannot be.
  bool take(const entry_tokens& part);

  /// The head came again: it may promise more by now.
  void promise(const entry_head& head);

  bool complete() const {
    return record_.request.spec.prompt.size() == prompt_tokens_ && record_.emitted.size() >= tokens_;
  }

  /// How much is there, as an answer to its sender.
  entry_ack ack(transfer_purpose purpose) const;

  const entry_record& record() const { return record_; }
  entry_record release() { return std::move(record_); }
  uint32_t prompt_tokens() const { return prompt_tokens_; }

private:
  entry_record record_;
  uint32_t prompt_tokens_;
  uint32_t tokens_;
};

} // namespace troupe
