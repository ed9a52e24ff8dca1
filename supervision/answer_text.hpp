#pragma once

#include "actors/messages.hpp"
#include "supervision/stop_matcher.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Tokens to text: a token gives the characters that it completes, nothing gives what is left at the end.
using text_decoder = std::function<std::string(std::optional<token_id>)>;
using make_text_decoder = std::function<text_decoder()>;

/// The bytes that a token stands for, not always whole characters.
using token_bytes_of = std::function<std::string(token_id)>;

/// What one token adds to what may be told of an answer.
struct answer_piece {
  std::string text; // whole characters
  std::vector<token_logprobs>
      logprobs;       // of the tokens whose text begins in `text` or, having none, before it
  bool ended = false; // by a stop string, an end token or max_tokens
  bool cut = false;   // by max_tokens
  stop_reason stopped_by;
};

/// The text of one answer as its tokens come: characters are completed, and what may be the beginning of a
/// stop string is held back until it is one or is not. A function of the tokens.
class answer_text {
public:
  answer_text(const sequence_spec& spec, text_decoder decoder, token_bytes_of bytes);

  /// The next token. Nothing may follow a piece that ended.
  answer_piece push(const sampled_token& token);

  /// A log probability with the bytes of its tokens.
  token_logprobs with_bytes(token_logprobs bare) const;

  /// Of all tokens so far, those included whose text is held back or cut off.
  double cumulative_logprob() const { return cumulative_logprob_; }

private:
  struct waiting_token {
    size_t begin; // of its text, in bytes of the answer
    token_logprobs logprobs;
  };

  std::string decode(const sampled_token& token, bool silent);
  void note_logprobs(const sampled_token& token, bool silent);
  void release(answer_piece& piece, size_t end);

  text_decoder decoder_;
  token_bytes_of bytes_;
  stop_matcher matcher_;
  std::vector<token_id> stop_tokens_;
  int32_t min_tokens_;
  bool include_stop_;
  std::string held_;   // known and not told
  size_t told_ = 0;    // bytes of the answer
  int32_t tokens_ = 0; // pushed
  double cumulative_logprob_ = 0.0;
  std::vector<waiting_token> waiting_; // by rising begin
};

} // namespace troupe
