#include "net/logprobs_json.hpp"

#include "base/utf8.hpp"
#include "net/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

/// What OpenAI says of a token that is very unlikely: JSON has no infinity.
constexpr double unlikely = -9999.0;

void write_token(json_writer& json, const token_logprob& one) {
  json.field("token", shown_token(one.bytes)).key("logprob");
  write_logprob(json, one.logprob);
  json.key("bytes").begin_array();
  for (const char byte : one.bytes)
    json.integer(static_cast<unsigned char>(byte));
  json.end_array();
}

void write_ranked(json_writer& json, const token_logprob& one) {
  json.key(fmt::to_string(one.token)).begin_object().key("logprob");
  write_logprob(json, one.logprob);
  json.field("rank", one.rank).field("decoded_token", shown_token(one.bytes)).end_object();
}

} // namespace

std::span<const token_logprobs> tokens_of(const response_event& event) {
  return event.logprobs ? std::span(*event.logprobs) : std::span<const token_logprobs>();
}

std::string shown_token(std::string_view bytes) {
  std::string shown;
  for (size_t at = 0; at < bytes.size();) {
    const auto length = utf8_length(bytes, at);
    if (length > 0)
      shown += bytes.substr(at, length);
    else
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[at]));
    at += std::max<size_t>(length, 1);
  }
  return shown;
}

void write_logprob(json_writer& json, float logprob) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), logprob).ptr;
  double value = unlikely;
  if (std::isfinite(logprob))
    std::from_chars(digits.begin(), end, value);
  json.number(value);
}

void write_logprobs(json_writer& json, std::span<const token_logprobs> tokens) {
  json.begin_array();
  for (const auto& one : tokens) {
    json.begin_object();
    write_token(json, one.chosen);
    json.key("top_logprobs").begin_array();
    for (const auto& likely : one.top) {
      json.begin_object();
      write_token(json, likely);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
}

void write_prompt_logprobs(json_writer& json, std::span<const token_logprobs> tokens, int32_t top) {
  json.begin_array();
  for (const auto& one : tokens) {
    if (one.chosen.rank == 0) {
      json.null();
      continue;
    }
    json.begin_object();
    write_ranked(json, one.chosen);
    for (size_t i = 0; i < one.top.size() && i < static_cast<size_t>(top); ++i)
      if (one.top[i].token != one.chosen.token)
        write_ranked(json, one.top[i]);
    json.end_object();
  }
  json.end_array();
}

} // namespace troupe
