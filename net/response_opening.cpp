#include "net/response_opening.hpp"

#include "base/ids.hpp"
#include "net/request_fields.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

using record_pointer = std::shared_ptr<response_record>;

tl::unexpected<api_error> refuse(std::string code, std::string param, std::string message) {
  auto problem = http_problem(400, std::move(code), std::move(message));
  problem.param = std::move(param);
  return tl::unexpected(std::move(problem));
}

/// The response to continue.
tl::expected<record_pointer, api_error> find_previous(response_store& store, const std::string& id,
                                                      const response_asker& asker) {
  const char* param = "previous_response_id";
  auto found = asker.latest && asker.latest->id == id ? asker.latest : store.find(id, asker.owner);
  if (!found || found->erased)
    return refuse("previous_response_not_found", param,
                  "previous_response_id is of no response that is stored, or that was the last one of this "
                  "WebSocket: send the whole conversation as input");
  if (!found->ended())
    return refuse("invalid_value", param,
                  "previous_response_id is of a response that is in progress: wait for its end");
  if (!found->can_be_continued())
    return refuse("invalid_value", param,
                  "previous_response_id is of a response that failed or was cancelled: continue the one "
                  "before it");
  return found;
}

/// The item that a reference names; of an answer in progress there is none yet.
tl::expected<input_message, api_error> find_item(response_store& store, const input_item& item,
                                                 const response_asker& asker) {
  const auto& id = item.reference;
  const auto& latest = asker.latest;
  const bool of_latest = latest && !latest->erased && id.starts_with(latest->output_item_id());
  const auto record = of_latest ? latest : store.find_by_item(id, asker.owner);
  if (record) {
    if (id == record->output_item_id() && record->ended())
      return input_message{"assistant", record->output};
    for (size_t i = 0; i < record->input.size(); ++i)
      if (id == record->input_item_id(i))
        return record->input[i];
  }
  const auto param = fmt::format("input[{}].id", item.index);
  return refuse("invalid_value", param, param + " is of no item of a stored response that has ended");
}

resume_terms terms_of(const response_asker& asker, const responses_request& request,
                      std::string stream_token) {
  resume_terms terms;
  if (request.stream || request.echo.store) {
    terms.owner = asker.owner;
    terms.stream_token = stream_token.empty() ? make_id("strm_") : std::move(stream_token);
    terms.token_optional = request.echo.store;
  }
  return terms;
}

} // namespace

tl::expected<response_opening, api_error> open_response(response_store& store, responses_request request,
                                                        const response_asker& asker) {
  auto record = std::make_shared<response_record>();
  record->id = make_id("resp_");
  record->owner = asker.owner;
  record->background = request.echo.background;
  if (const auto& id = request.echo.previous_response_id) {
    const auto previous = find_previous(store, *id, asker);
    if (!previous)
      return tl::unexpected(previous.error());
    record->conversation = (*previous)->conversation;
  }
  for (auto& item : request.input) {
    if (!item.reference.empty()) {
      auto found = find_item(store, item, asker);
      if (!found)
        return tl::unexpected(found.error());
      item.message = std::move(*found);
    }
    record->conversation.push_back({template_role(item.message.role), item.message.text});
    record->input.push_back(std::move(item.message));
  }
  response_opening opening;
  opening.stream = request.stream;
  opening.store = request.echo.store;
  opening.generation = std::move(request.generation);
  auto& generation = opening.generation;
  generation.response_id = record->id;
  generation.request_id = asker.request_id;
  generation.tenant = asker.owner;
  if (request.echo.instructions)
    generation.messages.push_back({"system", *request.echo.instructions});
  generation.messages.insert(generation.messages.end(), record->conversation.begin(),
                             record->conversation.end());
  if (generation.messages.empty())
    return refuse("invalid_value", "input", "input must hold a message");
  const auto stream_token = request.stream ? make_id("strm_") : std::string();
  opening.json = response_json(request.echo, stream_token);
  generation.resume = terms_of(asker, request, stream_token);
  if (!generation.resume.stream_token.empty())
    generation.resume.door_state = opening.json.door_state();
  opening.record = std::move(record);
  return opening;
}

} // namespace troupe
