#include "net/exchange.hpp"

#include "net/model_admin.hpp"
#include "net/pending_answer.hpp"
#include "net/plain_routes.hpp"
#include "net/responses_encoder.hpp"
#include "net/resume_reader.hpp"
#include "net/stored_routes.hpp"
#include "observe/metrics.hpp"

#include <charconv>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr milliseconds cancel_patience{10'000};

bool is_json(std::string_view content_type) {
  const auto media = content_type.substr(0, content_type.find_first_of("; \t"));
  return equal_ignoring_case(media, "application/json");
}

/// Into the reader, or the answer that refuses it.
std::optional<http_answer> read_starting_after(const std::string& text, attach_reader& reader) {
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, reader.starting_after);
  if (read.ec == std::errc{} && read.ptr == end && reader.starting_after >= -1)
    return {};
  return http_answer::failure(to_api_error(rejection{
      request_error::invalid_value,
      "starting_after must be the sequence_number of the last event that came, or -1", "starting_after", 0}));
}

} // namespace

exchange::exchange(server_context& context, client_socket& socket, http_request& request, body_budget& budget,
                   std::string request_id)
    : context_(context), socket_(socket), request_(request), budget_(budget),
      writer_(context, socket, request, std::move(request_id)),
      route_(find_route(request.method, request.target)) {}

std::optional<http_answer> exchange::refusal() const {
  const bool hidden = route_.target == endpoint::faults && !context_.config.fault_injection;
  if (route_.target == endpoint::unknown || hidden)
    return http_answer::failure(http_problem(404, "not_found", "there is nothing at this path"));
  if (!route_.allowed) {
    auto answer = http_answer::failure(
        http_problem(405, "method_not_allowed", fmt::format("this path allows {}", route_.methods)));
    answer.headers.emplace_back("Allow", route_.methods);
    return answer;
  }
  if (route_.admin) {
    if (auto refused = refuse_administrator(context_, request_))
      return refused;
  } else if (!route_.open && !context_.keys.allows(request_.header("authorization"))) {
    context_.counts.requests_rejected_total.of("unauthorized").Increment();
    auto answer = http_answer::failure(
        http_problem(401, "invalid_api_key", "send a valid key as Authorization: Bearer KEY"));
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    return answer;
  }
  if (route_.target == endpoint::responses && request_.method == "GET") {
    if (!request_.upgrade) {
      auto answer = http_answer::failure(
          http_problem(426, "upgrade_required", "GET here opens a WebSocket; POST creates a response"));
      answer.headers.emplace_back("Upgrade", "websocket");
      answer.headers.emplace_back("Sec-WebSocket-Version", "13");
      return answer;
    }
    if (!same_origin(request_))
      return http_answer::failure(
          http_problem(403, "wrong_origin", "pages of another origin may not connect"));
  }
  const bool needs_body = route_.target != endpoint::response_cancel || request_.has_body;
  if (request_.method == "POST" && needs_body && !is_json(request_.header("content-type")))
    return http_answer::failure(
        http_problem(415, "unsupported_media_type", "send Content-Type: application/json"));
  if (const auto coding = content_coding_of(request_); request_.has_body && !coding.empty())
    return http_answer::failure(http_problem(
        415, "unsupported_media_type",
        fmt::format("Content-Encoding {} is not understood here: send the body as it is", coding)));
  const auto expected = request_.header("expect");
  if (!expected.empty() && !equal_ignoring_case(expected, "100-continue"))
    return http_answer::failure(http_problem(417, "expectation_failed", "only 100-continue can be expected"));
  return {};
}

bool exchange::wants_websocket() const {
  return route_.target == endpoint::responses && request_.method == "GET";
}

awaitable<bool> exchange::run() {
  bool go_on = false;
  if (route_.target == endpoint::chat_completions || route_.target == endpoint::completions ||
      route_.target == endpoint::responses)
    go_on = co_await generate();
  else if (route_.admin)
    go_on = co_await send(co_await administer_models(context_, socket_, route_, request_));
  else if (route_.target == endpoint::response_cancel)
    go_on = co_await cancel_response();
  else if (route_.target == endpoint::response && wants_stream())
    go_on = co_await resume();
  else
    go_on = co_await send(other_answer());
  co_return go_on;
}

bool exchange::wants_stream() const {
  return request_.method == "GET" && query_value(request_.target, "stream") == "true";
}

http_answer exchange::other_answer() const {
  if (route_.target == endpoint::response_input)
    return list_input_items(context_, route_.argument, owner(), request_.target);
  if (route_.target == endpoint::response)
    return request_.method == "DELETE" ? delete_response(context_, route_.argument, owner())
                                       : retrieve_response(context_, route_.argument, owner());
  return plain_answer(context_, route_, request_);
}

std::shared_ptr<answer_stream> exchange::make_stream(std::unique_ptr<event_encoder> encoder,
                                                     size_t choices) const {
  return std::make_shared<answer_stream>(
      std::move(encoder),
      [weak = socket_.weak_from_this()] {
        if (const auto socket = weak.lock())
          socket->wake();
      },
      choices * static_cast<size_t>(context_.config.unsent_bytes_max));
}

std::string exchange::owner() const {
  return context_.keys.owner_of(request_.header("authorization"));
}

awaitable<bool> exchange::generate() {
  generation_asker asker{owner(), writer_.request_id(), {}};
  asker.make_stream = [this](auto encoder, size_t choices) {
    return make_stream(std::move(encoder), choices);
  };
  auto wanted = open_generation(context_, route_.target, request_.body, asker);
  if (!wanted) {
    const bool go_on = co_await send(http_answer::failure(wanted.error()));
    co_return go_on;
  }
  std::string().swap(request_.body);
  budget_.hold(0);
  response_id_ = wanted->choices.front().response_id;
  const bool go_on = co_await work(std::move(*wanted));
  co_return go_on;
}

awaitable<bool> exchange::work(generation wanted) {
  auto then = pending_answer::when_left::cancel;
  if (wanted.background)
    then = pending_answer::when_left::go_on;
  else if (!wanted.choices.front().resume.stream_token.empty())
    then = pending_answer::when_left::detach;
  std::optional<pending_answer> pending;
  if (wanted.group)
    pending.emplace(context_, wanted.stream, wanted.group);
  else
    pending.emplace(context_, response_id_, wanted.stream, wanted.recorder, then);
  for (auto& choice : wanted.choices)
    context_.door->submit(std::move(choice), pending->listener());
  wanted.choices.clear();
  bool go_on = false;
  if (wanted.background && !wanted.streaming)
    go_on = co_await writer_.send_begun(*wanted.stream, *wanted.record);
  else
    go_on = co_await writer_.send(*wanted.stream, wanted.streaming);
  co_return go_on;
}

awaitable<bool> exchange::resume() {
  attach_reader reader;
  reader.response_id = route_.argument;
  reader.owner = owner();
  reader.stream_token = query_value(request_.target, "stream_token").value_or("");
  if (reader.stream_token.empty())
    reader.stream_token = request_.header("x-stream-token");
  std::optional<http_answer> refused;
  if (const auto after = query_value(request_.target, "starting_after"))
    refused = read_starting_after(*after, reader);
  if (!refused && context_.store.was_erased(reader.response_id))
    refused = response_not_found();
  if (refused) {
    const bool go_on = co_await send(std::move(*refused));
    co_return go_on;
  }
  response_id_ = reader.response_id;
  auto coming = make_resume_reader(
      context_, reader,
      make_stream(std::make_unique<responses_encoder>(response_json(), responses_encoder::form::sse), 1));
  pending_answer pending(context_, response_id_, coming.stream, coming.recorder, coming.then);
  context_.door->attach(std::move(reader), pending.listener());
  const bool go_on = co_await writer_.send(*coming.stream, true);
  co_return go_on;
}

awaitable<bool> exchange::cancel_response() {
  const auto record = context_.store.find(route_.argument, owner());
  auto refused = record ? refuse_cancel(*record) : response_not_found();
  if (!refused && !record->ended()) {
    record->waiting.push_back([weak = socket_.weak_from_this()] {
      if (const auto socket = weak.lock())
        socket->wake();
    });
    context_.door->stop(record->id);
    socket_.watch();
    bool heard = true;
    while (heard && !record->ended() && !socket_.gone())
      heard = co_await socket_.wait(cancel_patience);
    co_await socket_.unwatch();
    refused = record->erased ? response_not_found() : refuse_cancel(*record); // it may have ended by itself
  }
  auto answer = refused ? std::move(*refused) : http_answer::json(record->object);
  const bool go_on = co_await send(std::move(answer));
  co_return go_on;
}

} // namespace troupe
