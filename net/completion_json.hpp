#pragma once

#include "net/completion_head.hpp"
#include "net/completion_logprobs.hpp"

#include <string>
#include <vector>

namespace troupe {

/// What a completion shows beside its text.
struct completion_form {
  bool stream = false;
  bool include_usage = false;             // chunks carry "usage": null, and a last one the counts
  bool continuous_usage = false;          // the counts so far in every chunk
  bool prompt_only = false;               // nothing of the answer
  size_t per_prompt = 1;                  // choices that were made of each prompt
  size_t shown = 1;                       // how many of them the answer shows, the best ones
  std::optional<int32_t> logprobs;        // how many beside each token; absent: null
  std::optional<int32_t> prompt_logprobs; // likewise, for the list of that name
  bool echo = false;
  std::vector<std::string> prompts; // to echo, one a prompt; empty: the text of its tokens
};

/// The JSON of one completion: chunks of a stream, or the whole.
class completion_json {
public:
  completion_json(completion_form form, std::string_view response_id);

  void accept(const accepted_response& accepted) { head_.accept(accepted); }

  /// One chunk of one choice.
  struct piece {
    size_t index = 0; // as the answer counts
    std::string_view text = {};
    std::span<const token_logprobs> prompt = {}; // tokens in `text`, those of the prompt first
    std::span<const token_logprobs> answer = {};
    const response_event* terminal = nullptr; // the last chunk of a choice
    token_usage usage = {};                   // so far, for continuous_usage
  };
  std::string chunk(const piece&, completion_logprobs&) const;
  std::string usage_chunk(const token_usage&) const;
  std::string completion(const choice_tally&) const;

  /// What is echoed of a prompt; the event list's tokens are there if it came as tokens.
  std::string prompt_text(size_t prompt, const logprob_list&) const;

private:
  void write_choice(json_writer&, const piece&, completion_logprobs&) const;
  void write_whole(json_writer&, const choice_tally&, size_t made, size_t index) const;

  completion_form form_;
  completion_head head_;
};

} // namespace troupe
