#pragma once

#include "net/completion_head.hpp"

#include <span>
#include <string>

namespace troupe {

/// What a chat completion shows beside its text.
struct chat_form {
  bool stream = false;
  bool include_usage = false;                  // chunks carry "usage": null, and a last one the counts
  bool continuous_usage = false;               // the counts so far in every chunk
  bool logprobs = false;                       // else "logprobs": null
  std::optional<int32_t> prompt_logprobs = {}; // how many beside each token of the prompt
};

/// The JSON of one chat completion: chunks of a stream, or the whole.
class chat_json {
public:
  chat_json(chat_form form, std::string_view response_id);

  void accept(const accepted_response& accepted) { head_.accept(accepted); }

  /// What one chunk says of one choice.
  struct piece {
    size_t index = 0;
    const std::string* content = nullptr; // null: an empty delta
    bool role = false;                    // the first chunk of a choice
    std::span<const token_logprobs> tokens = {};
    const response_event* terminal = nullptr; // the last chunk of a choice
    token_usage usage = {};                   // so far, for continuous_usage
  };
  std::string chunk(const piece&) const;
  std::string usage_chunk(const token_usage&) const;
  std::string completion(const choice_tally&) const;

private:
  void write_message(json_writer&, size_t index, const response_event& terminal) const;

  chat_form form_;
  completion_head head_;
};

} // namespace troupe
