#include "actors/request_preparer.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

namespace troupe {

namespace {

rejection invalid(std::string param, std::string message) {
  return {request_error::invalid_value, std::move(message), std::move(param), 0};
}

std::string outside(const char* field, token_id token, int32_t vocabulary) {
  return fmt::format("{} names token {}, but the vocabulary has tokens 0 to {}", field, token,
                     vocabulary - 1);
}

uint64_t draw_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

} // namespace

request_preparer::request_preparer(request_limits limits, std::shared_ptr<const tokenizer> tokens,
                                   std::shared_ptr<const chat_template> messages_template,
                                   const time_source& clock)
    : limits_(std::move(limits)), tokens_(std::move(tokens)), template_(std::move(messages_template)),
      clock_(clock) {
  for (token_id token = 0; token < tokens_->vocabulary(); ++token)
    longest_token_bytes_ = std::max(longest_token_bytes_, tokens_->token_bytes(token).size());
}

std::optional<rejection> request_preparer::check(const generation_request& request) const {
  if (auto refused = check_prompt(request))
    return refused;
  if (!request.model.empty() && request.model != limits_.model)
    return rejection{request_error::model_not_found,
                     fmt::format("the model '{}' does not exist here; this server serves '{}'", request.model,
                                 limits_.model),
                     "model", 0};
  if (request.response_id.empty())
    return rejection{request_error::internal, "the door gave the response no id", "", 0};
  if (request.max_tokens && *request.max_tokens < 1)
    return invalid("max_tokens", fmt::format("max_tokens must be at least 1, got {}", *request.max_tokens));
  if (request.timeout_ms && (*request.timeout_ms < 1 || *request.timeout_ms > limits_.request_timeout_ms))
    return invalid("timeout_ms", fmt::format("timeout_ms must be 1 to {} (request_timeout_ms), got {}",
                                             limits_.request_timeout_ms, *request.timeout_ms));
  if (request.priority < -priority_max || request.priority > priority_max)
    return invalid("priority", fmt::format("priority must be {} to {} (lower goes first), got {}",
                                           -priority_max, priority_max, request.priority));
  if (auto refused = check_sampling(request))
    return refused;
  return check_stopping(request);
}

std::optional<rejection> request_preparer::check_prompt(const generation_request& request) const {
  size_t text_bytes = request.prompt.size();
  for (const auto& message : request.messages)
    text_bytes += message.content.size();
  // Before any work: so much text is too many tokens, however it is cut.
  if (text_bytes > static_cast<size_t>(limits_.max_model_len) * longest_token_bytes_)
    return rejection{request_error::context_length_exceeded,
                     fmt::format("{} bytes of text are more than a context of {} tokens can hold: shorten it",
                                 text_bytes, limits_.max_model_len),
                     "messages", 0};
  if (!request.messages.empty() + !request.prompt.empty() + !request.prompt_tokens.empty() != 1)
    return invalid("messages", "give either messages or a prompt, and not an empty one");
  if (request.prompt_tokens.size() > static_cast<size_t>(limits_.max_model_len))
    return rejection{request_error::context_length_exceeded,
                     fmt::format("a prompt of {} tokens is more than a context of {} can hold: shorten it",
                                 request.prompt_tokens.size(), limits_.max_model_len),
                     "prompt", 0};
  for (const auto token : request.prompt_tokens)
    if (!in_vocabulary(token))
      return invalid("prompt", outside("prompt", token, tokens_->vocabulary()));
  return std::nullopt;
}

std::optional<rejection> request_preparer::check_sampling(const generation_request& request) const {
  if (auto sampling = validate(request.sampling); !sampling) // the message begins with the field
    return invalid(sampling.error().message.substr(0, sampling.error().message.find(' ')),
                   sampling.error().message);
  for (const auto& [token, bias] : request.sampling.logit_bias)
    if (!in_vocabulary(token))
      return invalid("logit_bias", outside("logit_bias", token, tokens_->vocabulary()));
  if (request.prompt_logprobs && (*request.prompt_logprobs < 0 || *request.prompt_logprobs > logprobs_max))
    return invalid("prompt_logprobs", fmt::format("prompt_logprobs must be 0 to {} alternatives, got {}",
                                                  logprobs_max, *request.prompt_logprobs));
  if (request.max_tokens && request.sampling.min_tokens > *request.max_tokens)
    return invalid("min_tokens",
                   fmt::format("min_tokens ({}) is more than max_tokens ({}): lower one or raise the other",
                               request.sampling.min_tokens, *request.max_tokens));
  return std::nullopt;
}

std::optional<rejection> request_preparer::check_stopping(const generation_request& request) const {
  if (request.stop.size() > stop_strings_max)
    return invalid("stop", fmt::format("stop may have at most {} strings, got {}", stop_strings_max,
                                       request.stop.size()));
  for (const auto& stop : request.stop) {
    if (stop.empty() || stop.size() > stop_string_bytes_max)
      return invalid("stop", fmt::format("each string of stop must have 1 to {} bytes, got one of {}",
                                         stop_string_bytes_max, stop.size()));
    if (!is_utf8(stop))
      return invalid("stop", "each string of stop must be UTF-8, as the answer's text is");
  }
  if (request.stop_token_ids.size() > stop_tokens_max)
    return invalid("stop_token_ids", fmt::format("stop_token_ids may have at most {} tokens, got {}",
                                                 stop_tokens_max, request.stop_token_ids.size()));
  for (const auto token : request.stop_token_ids)
    if (!in_vocabulary(token))
      return invalid("stop_token_ids", outside("stop_token_ids", token, tokens_->vocabulary()));
  if (request.sampling.min_tokens == 0)
    return std::nullopt;
  std::set<token_id> masked(request.stop_token_ids.begin(), request.stop_token_ids.end());
  if (!request.ignore_eos)
    masked.insert(tokens_->end_tokens().begin(), tokens_->end_tokens().end());
  if (masked.size() >= static_cast<size_t>(tokens_->vocabulary()))
    return invalid("min_tokens", "min_tokens leaves no token to draw, since each one ends the answer: give "
                                 "fewer stop_token_ids");
  return std::nullopt;
}

tl::expected<std::vector<token_id>, rejection>
request_preparer::tokenize(const generation_request& request) const {
  std::vector<token_id> prompt;
  if (!request.prompt_tokens.empty())
    return request.prompt_tokens;
  if (request.messages.empty()) {
    if (tokens_->add_bos() && tokens_->bos())
      prompt.push_back(*tokens_->bos());
    const auto text = tokens_->encode(request.prompt);
    prompt.insert(prompt.end(), text.begin(), text.end());
    return prompt;
  }
  if (!template_)
    return tl::unexpected(rejection{request_error::not_supported,
                                    "the model has no chat template: use a prompt instead of messages",
                                    "messages", 0});
  auto messages = nlohmann::ordered_json::array();
  for (const auto& message : request.messages)
    messages.push_back({{"role", message.role}, {"content", message.content}});
  chat_inputs inputs;
  inputs.messages = &messages;
  inputs.add_generation_prompt = true;
  inputs.now = clock_.unix_seconds();
  if (auto bos = tokens_->bos())
    inputs.bos_token = tokens_->token_bytes(*bos);
  if (auto eos = tokens_->eos())
    inputs.eos_token = tokens_->token_bytes(*eos);
  auto rendered = template_->render(inputs);
  if (!rendered)
    return tl::unexpected(
        invalid("messages", "the chat template refused the messages: " + rendered.error().message));
  return tokens_->encode_segments(*rendered);
}

tl::expected<open_entry, rejection> request_preparer::prepare(generation_request request) const {
  if (request.arrived == steady_time{}) // from an actor of a host, which came straight here
    request.arrived = clock_.now();
  if (auto refused = check(request))
    return tl::unexpected(std::move(*refused));
  const auto timeout_ms = request.timeout_ms.value_or(limits_.request_timeout_ms);
  const auto waited_ms = std::chrono::duration_cast<milliseconds>(clock_.now() - request.arrived).count();
  if (waited_ms >= timeout_ms)
    return tl::unexpected(
        rejection{request_error::deadline_exceeded,
                  fmt::format("waited {} ms, longer than its timeout_ms: retry later", waited_ms), "", 1});
  auto prompt = tokenize(request);
  if (!prompt)
    return tl::unexpected(std::move(prompt.error()));
  if (prompt->empty())
    return tl::unexpected(invalid("prompt", "the prompt has no tokens"));
  const auto context = limits_.max_model_len;
  const auto prompt_tokens = static_cast<int64_t>(prompt->size());
  const auto answer_max = context - prompt_tokens;
  const int64_t wanted = request.max_tokens.value_or(static_cast<int32_t>(std::max<int64_t>(answer_max, 1)));
  if (wanted > answer_max)
    return tl::unexpected(rejection{
        request_error::context_length_exceeded,
        fmt::format(
            "the prompt has {} tokens and the answer may have {}, but both together may have {}: shorten the "
            "prompt or ask for a shorter answer",
            prompt_tokens, wanted, context),
        "messages", 0});
  if (request.sampling.min_tokens > wanted)
    return tl::unexpected(invalid(
        "min_tokens", fmt::format("min_tokens ({}) is more than the {} tokens that the context leaves for "
                                  "the answer: lower it or shorten the prompt",
                                  request.sampling.min_tokens, wanted)));
  open_entry entry;
  entry.response_id = std::move(request.response_id);
  entry.request_id = std::move(request.request_id);
  entry.model = limits_.model;
  entry.spec.prompt = std::move(*prompt);
  entry.spec.sampling = std::move(request.sampling);
  entry.spec.sampling.seed = request.seed ? *request.seed : draw_seed();
  entry.spec.max_tokens = static_cast<int32_t>(wanted);
  if (!request.ignore_eos)
    entry.spec.end_tokens = tokens_->end_tokens();
  entry.spec.stop_tokens = std::move(request.stop_token_ids);
  entry.spec.stop = std::move(request.stop);
  entry.spec.include_stop = request.include_stop_str_in_output;
  entry.spec.prompt_logprobs = request.prompt_logprobs;
  entry.spec.tenant = std::move(request.tenant);
  entry.spec.cache_salt = std::move(request.cache_salt);
  entry.spec.priority = request.priority;
  entry.timeout_ms = timeout_ms - waited_ms;
  entry.resume = std::move(request.resume);
  return entry;
}

} // namespace troupe
