#include "net/generation.hpp"

#include "base/ids.hpp"
#include "net/chat_encoder.hpp"
#include "net/completion_encoder.hpp"
#include "net/request_parser_chat.hpp"
#include "net/request_parser_completions.hpp"
#include "net/response_opening.hpp"
#include "net/responses_encoder.hpp"
#include "observe/metrics.hpp"

namespace troupe {

namespace {

/// Adds `count` choices of one request, which differ in their number alone, and their ids.
void add_choices(generation& wanted, std::vector<std::string>& ids, const generation_request& request,
                 size_t count) {
  for (size_t number = 0; number < count; ++number) {
    auto& choice = wanted.choices.emplace_back(request);
    choice.response_id = make_id("resp_");
    choice.sampling.choice = static_cast<uint32_t>(number);
    ids.push_back(choice.response_id);
  }
}

void finish(server_context& context, generation& wanted, const generation_asker& asker,
            const std::vector<std::string>& ids, std::unique_ptr<event_encoder> encoder) {
  wanted.stream = asker.make_stream(std::move(encoder), ids.size());
  if (ids.size() > 1)
    wanted.group = std::make_shared<choice_group>(context, ids, wanted.stream);
}

generation open_chat(server_context& context, chat_request request, const generation_asker& asker) {
  const auto& terms = request.terms;
  chat_form form;
  form.stream = terms.stream;
  form.include_usage = terms.include_usage;
  form.continuous_usage = terms.continuous_usage;
  form.logprobs = request.generation.sampling.logprobs.has_value();
  form.prompt_logprobs = request.generation.prompt_logprobs;
  generation wanted;
  wanted.streaming = terms.stream;
  request.generation.request_id = asker.request_id;
  request.generation.tenant = asker.owner;
  std::vector<std::string> ids;
  add_choices(wanted, ids, request.generation, static_cast<size_t>(terms.n));
  finish(context, wanted, asker, ids, std::make_unique<chat_encoder>(form, ids));
  return wanted;
}

completion_form form_of(const completion_request& request) {
  completion_form form;
  form.stream = request.terms.stream;
  form.include_usage = request.terms.include_usage;
  form.continuous_usage = request.terms.continuous_usage;
  form.prompt_only = request.prompt_only;
  form.per_prompt = static_cast<size_t>(request.terms.best_of);
  form.shown = static_cast<size_t>(request.terms.n);
  form.logprobs = request.generation.sampling.logprobs;
  form.prompt_logprobs = request.generation.prompt_logprobs;
  form.echo = request.echo;
  return form;
}

/// What the engine must say beyond what the client asked for: the tokens of a prompt that is echoed, and of
/// several choices how likely each is.
void widen(const completion_form& form, generation_request& request) {
  const bool as_tokens = request.prompt.empty();
  if (form.echo && (form.logprobs || as_tokens))
    request.prompt_logprobs = std::max(form.logprobs.value_or(0), form.prompt_logprobs.value_or(0));
  if (form.shown < form.per_prompt && !form.logprobs)
    request.sampling.logprobs = 0;
}

generation open_completion(server_context& context, completion_request request,
                           const generation_asker& asker) {
  auto form = form_of(request);
  generation wanted;
  wanted.streaming = form.stream;
  request.generation.request_id = asker.request_id;
  request.generation.tenant = asker.owner;
  std::vector<std::string> ids;
  for (auto& prompt : request.prompts) {
    auto one = request.generation;
    if (auto* text = std::get_if<std::string>(&prompt))
      one.prompt = std::move(*text);
    else
      one.prompt_tokens = std::move(std::get<std::vector<token_id>>(prompt));
    widen(form, one);
    add_choices(wanted, ids, one, form.per_prompt);
    if (form.echo)
      form.prompts.push_back(std::move(one.prompt));
  }
  finish(context, wanted, asker, ids, std::make_unique<completion_encoder>(form, ids));
  return wanted;
}

generation open_responses(server_context& context, response_opening opening, const generation_asker& asker) {
  generation wanted;
  wanted.streaming = opening.stream;
  wanted.background = opening.record->background;
  const auto shape = opening.stream ? responses_encoder::form::sse : responses_encoder::form::body;
  wanted.stream = asker.make_stream(std::make_unique<responses_encoder>(opening.json, shape), 1);
  if (opening.store) {
    wanted.recorder = std::make_shared<response_recorder>(context, opening.record, std::move(opening.json),
                                                          response_recorder::keeping::stored, wanted.stream);
    wanted.record = std::move(opening.record);
  }
  wanted.choices.push_back(std::move(opening.generation));
  return wanted;
}

} // namespace

tl::expected<generation, api_error> open_generation(server_context& context, endpoint door,
                                                    std::string_view body, const generation_asker& asker) {
  const auto refuse = [&](const rejection& why) {
    context.counts.requests_rejected_total.of(to_string(why.code)).Increment();
    return tl::unexpected(to_api_error(why));
  };
  const auto object = context.json.parse(body);
  if (!object)
    return refuse(object.error());
  if (door == endpoint::chat_completions) {
    auto request = parse_chat_request(*object);
    return request ? open_chat(context, std::move(*request), asker)
                   : tl::expected<generation, api_error>(refuse(request.error()));
  }
  if (door == endpoint::completions) {
    auto request = parse_completion_request(*object);
    return request ? open_completion(context, std::move(*request), asker)
                   : tl::expected<generation, api_error>(refuse(request.error()));
  }
  auto request = parse_responses_request(*object, transport::http);
  if (!request)
    return refuse(request.error());
  auto opening = open_response(context.store, std::move(*request), {asker.owner, asker.request_id, nullptr});
  if (!opening) {
    context.counts.requests_rejected_total.of(to_string(request_error::invalid_value)).Increment();
    return tl::unexpected(opening.error());
  }
  return open_responses(context, std::move(*opening), asker);
}

} // namespace troupe
