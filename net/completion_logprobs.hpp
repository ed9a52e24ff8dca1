#pragma once

#include "model/token_logprobs.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace troupe {

class json_writer;

/// The "logprobs" of a completion, of a text whose tokens come in pieces: lists with an entry a token.
/// text_offset counts characters; a token that begins in the middle of one has that one's.
class completion_logprobs {
public:
  /// Tokens of a prompt of which `text` is shown: one put before it (a begin token) is at 0.
  void begin(std::span<const token_logprobs> prompt, std::string_view text);

  /// {"tokens", "token_logprobs", "top_logprobs", "text_offset"} of a prompt's tokens (may be empty), then of
  /// an answer's. top: how many of the likeliest a token has, beside itself.
  void write(json_writer&, std::span<const token_logprobs> prompt, std::span<const token_logprobs> answer,
             int32_t top);

private:
  int64_t next_offset(std::string_view bytes);

  int64_t characters_ = 0; // begun before the next token
};

} // namespace troupe
