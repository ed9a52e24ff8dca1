#pragma once

#include "actors/messages.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe {

class json_writer;

struct token_usage {
  int64_t prompt = 0;
  int64_t cached = 0; // of the prompt
  int64_t output = 0;
};

/// "usage", as chat completions and completions have it.
void write_usage(json_writer&, const token_usage&);

/// "stop" or "length".
const char* finish_word(const response_event& terminal);

/// vLLM's stop_reason: the stop string or the token id that ended the answer, else null.
void write_stop_reason(json_writer&, const response_event& terminal);

/// What the events have said of the choices of one request: `per_prompt` for each of its prompts, prompt by
/// prompt.
class choice_tally {
public:
  struct choice {
    std::string response_id;
    std::optional<response_event> terminal;
    logprob_list prompt;    // if they were asked for
    size_t tokens_sent = 0; // of its log probabilities
  };

  choice_tally(const std::vector<std::string>& response_ids, size_t per_prompt);

  /// Whose event it is, which is taken note of; its index.
  size_t take(const response_event&);

  choice& operator[](size_t index) { return choices_[index]; }
  const choice& operator[](size_t index) const { return choices_[index]; }
  size_t size() const { return choices_.size(); }
  size_t per_prompt() const { return per_prompt_; }

  /// One failed, or all have ended.
  bool over() const { return failed_ || ended_ == choices_.size(); }

  /// Tokens of this event that no event before had; once.
  std::span<const token_logprobs> new_tokens(size_t index, const response_event&);

  /// All that was made, each prompt counted once. Once all have ended.
  token_usage usage() const;

private:
  std::vector<choice> choices_;
  size_t per_prompt_;
  size_t ended_ = 0;
  bool failed_ = false;
};

} // namespace troupe
