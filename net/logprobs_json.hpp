#pragma once

#include "actors/messages.hpp"

#include <span>
#include <string>
#include <string_view>

namespace troupe {

class json_writer;

/// Of an event; empty where they were not asked for.
std::span<const token_logprobs> tokens_of(const response_event&);

/// A token as text: a byte that is part of no whole character in it becomes \xe2, as in OpenAI's API.
std::string shown_token(std::string_view bytes);

/// A natural logarithm in the shortest decimal that gives the same float; -9999 for minus infinity.
void write_logprob(json_writer&, float);

/// [{"token", "logprob", "bytes", "top_logprobs": [{"token", "logprob", "bytes"}]}]: chat and responses.
void write_logprobs(json_writer&, std::span<const token_logprobs>);

/// vLLM's prompt_logprobs: [null, {"17": {"logprob", "rank", "decoded_token"}, ...}, ...], with the token of
/// the prompt first and at most `top` others.
void write_prompt_logprobs(json_writer&, std::span<const token_logprobs>, int32_t top);

} // namespace troupe
