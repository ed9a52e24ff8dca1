#include "net/sampling_fields.hpp"

#include <charconv>
#include <fmt/format.h>
#include <limits>

namespace troupe {

using simdjson::SUCCESS;

namespace {

constexpr int64_t int32_max = std::numeric_limits<int32_t>::max();

void read_stop_string(field_reader& fields, const std::string& name, const simdjson::dom::element& value,
                      generation_request& request) {
  std::string_view text;
  if (value.get(text) != SUCCESS)
    fields.fail(name, "must be a string");
  else if (text.empty())
    fields.fail(name, "must not be empty: leave it out");
  else if (text.size() > stop_string_bytes_max)
    fields.fail(name,
                fmt::format("has {} bytes: at most {} are allowed", text.size(), stop_string_bytes_max));
  else
    request.stop.emplace_back(text);
}

void read_stop(field_reader& fields, generation_request& request) {
  const auto value = fields.any("stop");
  if (!value)
    return;
  if (value->is_string())
    return read_stop_string(fields, "stop", *value, request);
  simdjson::dom::array texts;
  if (value->get(texts) != SUCCESS)
    return fields.fail("stop", fmt::format("must be a string or a list of at most {}", stop_strings_max));
  if (texts.size() > stop_strings_max)
    return fields.fail("stop",
                       fmt::format("has {} strings: at most {} are allowed", texts.size(), stop_strings_max));
  size_t index = 0;
  for (const auto text : texts)
    read_stop_string(fields, fmt::format("stop[{}]", index++), text, request);
}

void read_stop_tokens(field_reader& fields, generation_request& request) {
  const auto value = fields.any("stop_token_ids");
  simdjson::dom::array ids;
  if (!value)
    return;
  if (value->get(ids) != SUCCESS)
    return fields.fail("stop_token_ids", "must be a list of token ids");
  if (ids.size() > stop_tokens_max)
    return fields.fail("stop_token_ids",
                       fmt::format("has {} ids: at most {} are allowed", ids.size(), stop_tokens_max));
  for (const auto element : ids) {
    int64_t id = 0;
    if (element.get(id) != SUCCESS || id < 0 || id > int32_max)
      return fields.fail("stop_token_ids", "must hold whole numbers from 0: ids of the vocabulary");
    request.stop_token_ids.push_back(static_cast<token_id>(id));
  }
}

/// "50256", and no other way to write it. -1: it is none.
token_id read_token_id(std::string_view text) {
  token_id id = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, id);
  const bool plain = read.ec == std::errc{} && read.ptr == end && id >= 0 && (text[0] != '0' || text == "0");
  return plain ? id : -1;
}

void read_logit_bias(field_reader& fields, generation_request& request) {
  const auto value = fields.any("logit_bias");
  simdjson::dom::object biases;
  if (!value)
    return;
  if (value->get(biases) != SUCCESS)
    return fields.fail("logit_bias", R"(must be an object of token ids and numbers, {"50256": -100})");
  for (const auto [key, element] : biases) {
    const auto token = read_token_id(key);
    double bias = 0;
    if (token < 0)
      return fields.fail(
          "logit_bias",
          fmt::format("has the name '{}': each must be a token id like \"50256\"", shown_name(key)));
    if (element.get(bias) != SUCCESS || !(bias >= -100 && bias <= 100))
      return fields.fail("logit_bias", fmt::format("of token {} must be a number, -100 to 100", token));
    request.sampling.logit_bias.push_back({token, static_cast<float>(bias)});
  }
}

void read_stopping(field_reader& fields, generation_request& request) {
  read_stop(fields, request);
  read_stop_tokens(fields, request);
  if (const auto value = fields.integer("min_tokens", 0, int32_max))
    request.sampling.min_tokens = static_cast<int32_t>(*value);
  request.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  request.include_stop_str_in_output = fields.boolean("include_stop_str_in_output").value_or(false);
}

} // namespace

void read_sampling(field_reader& fields, generation_request& request) {
  auto& sampling = request.sampling;
  request.model = fields.string("model", 512).value_or("");
  if (const auto value = fields.number("temperature", 0, 2)) {
    if (*value > 0 && *value < 0.01)
      fields.fail("temperature", "must be 0 (greedy) or 0.01 to 2");
    sampling.temperature = static_cast<float>(*value);
  }
  if (const auto value = fields.number("top_p", 0, 1)) {
    if (static_cast<float>(*value) <= 0)
      fields.fail("top_p", "must be more than 0 and at most 1");
    sampling.top_p = static_cast<float>(*value);
  }
  if (const auto value = fields.number("repetition_penalty", 0, 10)) {
    if (static_cast<float>(*value) <= 0)
      fields.fail("repetition_penalty", "must be more than 0 and at most 10");
    sampling.repetition_penalty = static_cast<float>(*value);
  }
  if (const auto value = fields.integer("top_k", 0, int32_max))
    sampling.top_k = static_cast<int32_t>(*value);
  if (const auto value = fields.number("min_p", 0, 1))
    sampling.min_p = static_cast<float>(*value);
  if (const auto value = fields.number("presence_penalty", -2, 2))
    sampling.presence_penalty = static_cast<float>(*value);
  if (const auto value = fields.number("frequency_penalty", -2, 2))
    sampling.frequency_penalty = static_cast<float>(*value);
  request.seed = fields.seed("seed");
  read_logit_bias(fields, request);
  read_stopping(fields, request);
}

void check_min_tokens(field_reader& fields, const generation_request& request, const char* max_tokens_name) {
  const auto least = request.sampling.min_tokens;
  if (request.max_tokens && least > *request.max_tokens)
    fields.fail("min_tokens",
                fmt::format("must be at most {}, {}, not {}", max_tokens_name, *request.max_tokens, least));
}

void read_prompt_logprobs(field_reader& fields, generation_request& request, bool stream) {
  const auto value = fields.integer("prompt_logprobs", 0, logprobs_max);
  if (value && stream)
    fields.fail("prompt_logprobs", "cannot be had with stream: true: leave one of them out");
  if (value)
    request.prompt_logprobs = static_cast<int32_t>(*value);
}

} // namespace troupe
