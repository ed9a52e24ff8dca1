#include "actors/request_preparer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <random>

namespace troupe {

namespace {

rejection invalid(std::string param, std::string message) {
  return {request_error::invalid_value, std::move(message), std::move(param), 0};
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
  size_t text_bytes = request.prompt.size();
  for (const auto& message : request.messages)
    text_bytes += message.content.size();
  // Before any work: so much text is too many tokens, however it is cut.
  if (text_bytes > static_cast<size_t>(limits_.max_model_len) * longest_token_bytes_)
    return rejection{request_error::context_length_exceeded,
                     fmt::format("{} bytes of text are more than a context of {} tokens can hold: shorten it",
                                 text_bytes, limits_.max_model_len),
                     "messages", 0};
  if (!request.model.empty() && request.model != limits_.model)
    return rejection{request_error::model_not_found,
                     fmt::format("the model '{}' does not exist here; this server serves '{}'", request.model,
                                 limits_.model),
                     "model", 0};
  if (request.response_id.empty())
    return rejection{request_error::internal, "the door gave the response no id", "", 0};
  if (request.messages.empty() == request.prompt.empty())
    return invalid("messages", "give either messages or a prompt, and not an empty one");
  if (request.max_tokens && *request.max_tokens < 1)
    return invalid("max_tokens", fmt::format("max_tokens must be at least 1, got {}", *request.max_tokens));
  if (!request.stop.empty())
    return rejection{request_error::not_supported, "stop strings are not in this release", "stop", 0};
  if (request.timeout_ms && (*request.timeout_ms < 1 || *request.timeout_ms > limits_.request_timeout_ms))
    return invalid("timeout_ms", fmt::format("timeout_ms must be 1 to {} (request_timeout_ms), got {}",
                                             limits_.request_timeout_ms, *request.timeout_ms));
  if (request.priority < -priority_max || request.priority > priority_max)
    return invalid("priority", fmt::format("priority must be {} to {} (lower goes first), got {}",
                                           -priority_max, priority_max, request.priority));
  if (auto sampling = validate(request.sampling); !sampling)
    return invalid("", sampling.error().message);
  return std::nullopt;
}

tl::expected<std::vector<token_id>, rejection>
request_preparer::tokenize(const generation_request& request) const {
  std::vector<token_id> prompt;
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
  open_entry entry;
  entry.response_id = std::move(request.response_id);
  entry.request_id = std::move(request.request_id);
  entry.model = limits_.model;
  entry.spec.prompt = std::move(*prompt);
  entry.spec.sampling = request.sampling;
  entry.spec.sampling.seed = request.seed ? *request.seed : draw_seed();
  entry.spec.max_tokens = static_cast<int32_t>(wanted);
  entry.spec.end_tokens = tokens_->end_tokens();
  entry.spec.tenant = std::move(request.tenant);
  entry.spec.cache_salt = std::move(request.cache_salt);
  entry.spec.priority = request.priority;
  entry.timeout_ms = timeout_ms - waited_ms;
  entry.resume = std::move(request.resume);
  return entry;
}

} // namespace troupe
