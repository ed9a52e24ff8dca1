#include "net/exchange.hpp"

#include "net/chat_encoder.hpp"
#include "net/model_admin.hpp"
#include "net/pending_answer.hpp"
#include "net/plain_routes.hpp"
#include "net/request_parser_chat.hpp"
#include "net/response_opening.hpp"
#include "net/responses_encoder.hpp"
#include "net/resume_reader.hpp"
#include "net/sse.hpp"
#include "net/stored_routes.hpp"
#include "observe/metrics.hpp"

#include <charconv>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr milliseconds body_wait{15'000}; // only a bound: changes wake
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
      request_id_(std::move(request_id)), route_(find_route(request.method, request.target)) {}

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
  if (route_.target == endpoint::chat_completions || route_.target == endpoint::responses)
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

awaitable<bool> exchange::send(http_answer answer) {
  code_ = answer.code;
  answer_frame frame;
  frame.request_id = request_id_;
  frame.unix_seconds = context_.clock.unix_seconds();
  frame.keep_alive = request_.keep_alive && !answer.close && !context_.draining;
  auto bytes = answer_head(answer, frame);
  if (request_.method != "HEAD")
    bytes += answer.body;
  const bool sent = co_await socket_.write(bytes);
  co_return sent&& frame.keep_alive;
}

// -- answers of the model
// ----------------------------------------------------------------------------------------

tl::expected<exchange::generation, api_error> exchange::parse_generation() {
  const auto refuse = [this](const rejection& why) {
    context_.counts.requests_rejected_total.of(to_string(why.code)).Increment();
    return tl::unexpected(to_api_error(why));
  };
  const auto body = context_.json.parse(request_.body);
  if (!body)
    return refuse(body.error());
  generation wanted;
  if (route_.target == endpoint::chat_completions) {
    auto chat = parse_chat_request(*body);
    if (!chat)
      return refuse(chat.error());
    wanted.request = std::move(chat->generation);
    wanted.request.response_id = make_id("resp_");
    wanted.request.request_id = request_id_;
    wanted.stream = make_stream(std::make_unique<chat_encoder>(chat->stream, chat->include_usage));
    wanted.streaming = chat->stream;
    return wanted;
  }
  auto response = parse_responses_request(*body, transport::http);
  if (!response)
    return refuse(response.error());
  auto opening = open_response(context_.store, std::move(*response), {owner(), request_id_, nullptr});
  if (!opening) {
    context_.counts.requests_rejected_total.of(to_string(request_error::invalid_value)).Increment();
    return tl::unexpected(opening.error());
  }
  wanted.streaming = opening->stream;
  wanted.background = opening->record->background;
  const auto shape = opening->stream ? responses_encoder::form::sse : responses_encoder::form::body;
  wanted.stream = make_stream(std::make_unique<responses_encoder>(opening->json, shape));
  if (opening->store) {
    wanted.recorder = std::make_shared<response_recorder>(context_, opening->record, std::move(opening->json),
                                                          response_recorder::keeping::stored, wanted.stream);
    wanted.record = std::move(opening->record);
  }
  wanted.request = std::move(opening->generation);
  return wanted;
}

std::shared_ptr<answer_stream> exchange::make_stream(std::unique_ptr<event_encoder> encoder) const {
  return std::make_shared<answer_stream>(
      std::move(encoder),
      [weak = socket_.weak_from_this()] {
        if (const auto socket = weak.lock())
          socket->wake();
      },
      static_cast<size_t>(context_.config.unsent_bytes_max));
}

std::string exchange::owner() const {
  return context_.keys.owner_of(request_.header("authorization"));
}

awaitable<bool> exchange::generate() {
  auto wanted = parse_generation();
  if (!wanted) {
    const bool go_on = co_await send(http_answer::failure(wanted.error()));
    co_return go_on;
  }
  std::string().swap(request_.body);
  budget_.hold(0);
  response_id_ = wanted->request.response_id;
  wanted->request.tenant = owner();
  auto then = pending_answer::when_left::cancel;
  if (wanted->background)
    then = pending_answer::when_left::go_on;
  else if (!wanted->request.resume.stream_token.empty())
    then = pending_answer::when_left::detach;
  pending_answer pending(context_, response_id_, wanted->stream, wanted->recorder, then);
  context_.door->submit(std::move(wanted->request), pending.listener());
  if (wanted->background && !wanted->streaming) {
    const bool go_on = co_await send_begun(*wanted->stream, *wanted->record);
    co_return go_on;
  }
  const bool go_on = co_await answer(*wanted->stream, wanted->streaming);
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
      make_stream(std::make_unique<responses_encoder>(response_json(), responses_encoder::form::sse)));
  pending_answer pending(context_, response_id_, coming.stream, coming.recorder, coming.then);
  context_.door->attach(std::move(reader), pending.listener());
  const bool go_on = co_await answer(*coming.stream, true);
  co_return go_on;
}

/// Until it is accepted or refused. False: the client went away, or the wait was too long.
awaitable<bool> exchange::wait_for_acceptance(const answer_stream& stream) {
  socket_.watch();
  const milliseconds patience(context_.config.request_timeout_ms + 30'000); // the ledger gives up earlier
  bool decided = true;
  while (decided && stream.state() == answer_stream::phase::waiting && !socket_.gone())
    decided = co_await socket_.wait(patience);
  co_return decided && !socket_.gone();
}

awaitable<bool> exchange::answer(answer_stream& stream, bool streaming) {
  const bool decided = co_await wait_for_acceptance(stream);
  if (!decided)
    co_return false;
  bool go_on = false;
  if (stream.state() == answer_stream::phase::rejected) {
    co_await socket_.unwatch();
    go_on = co_await send(http_answer::failure(to_api_error(stream.refused())));
  } else if (streaming) {
    go_on = co_await send_stream(stream);
  } else {
    go_on = co_await send_body(stream);
  }
  co_return go_on;
}

/// The response object as it is once the response is accepted.
awaitable<bool> exchange::send_begun(const answer_stream& stream, const response_record& record) {
  const bool decided = co_await wait_for_acceptance(stream);
  if (!decided)
    co_return false;
  co_await socket_.unwatch();
  const bool refused = stream.state() == answer_stream::phase::rejected;
  auto answer =
      refused ? http_answer::failure(to_api_error(stream.refused())) : http_answer::json(record.object);
  const bool go_on = co_await send(std::move(answer));
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

awaitable<bool> exchange::send_body(answer_stream& stream) {
  std::string body;
  while (true) {
    if (stream.pending()) {
      auto batch = stream.take();
      if (!batch.frames.empty())
        body = std::move(batch.frames.back());
      context_.door->acknowledge(response_id_, batch.last_sequence);
    }
    if (stream.state() == answer_stream::phase::ended)
      break;
    if (stream.state() == answer_stream::phase::taken_over) {
      co_await socket_.unwatch();
      const bool go_on = co_await send(http_answer::failure(http_problem(
          409, "taken_over", "another connection reads this response now: GET it when it has ended")));
      co_return go_on;
    }
    if (socket_.gone())
      co_return false;
    co_await socket_.wait(body_wait);
  }
  co_await socket_.unwatch();
  auto answer = stream.failed() ? http_answer::failure(to_api_error(*stream.failed()))
                                : http_answer::json(std::move(body));
  const bool go_on = co_await send(std::move(answer));
  co_return go_on;
}

awaitable<bool> exchange::send_stream(answer_stream& stream) {
  http_answer answer;
  answer.content_type = "text/event-stream; charset=utf-8";
  answer.headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
  answer_frame frame;
  frame.request_id = request_id_;
  frame.unix_seconds = context_.clock.unix_seconds();
  frame.framing = request_.http_1_0 ? body_framing::until_close : body_framing::chunked;
  frame.keep_alive = request_.keep_alive && !request_.http_1_0 && !context_.draining;
  code_ = answer.code;
  const bool sent = co_await socket_.write(answer_head(answer, frame));
  if (!sent)
    co_return false;
  const bool complete = co_await write_frames(stream, frame.framing);
  if (!complete)
    co_return false;
  co_await socket_.unwatch();
  co_return frame.keep_alive && !stream.failed() && !socket_.gone();
}

awaitable<bool> exchange::write_frames(answer_stream& stream, body_framing framing) {
  while (true) {
    if (socket_.gone() || stream.overflowed() || stream.state() == answer_stream::phase::taken_over)
      co_return false;
    if (!stream.pending()) {
      const bool woken = co_await socket_.wait(milliseconds(context_.config.sse_comment_ms));
      if (!woken) {
        const auto bytes = chunk_of(std::vector(1, std::string(sse_keep_alive)), framing);
        const bool sent = co_await socket_.write(bytes);
        if (!sent)
          co_return false;
      }
      continue;
    }
    const auto batch = stream.take();
    std::string bytes;
    if (!batch.frames.empty())
      bytes = chunk_of(batch.frames, framing);
    if (batch.ended && framing == body_framing::chunked)
      bytes += last_chunk;
    const bool sent = co_await socket_.write(bytes);
    if (!sent)
      co_return false;
    context_.counts.stream_bytes_total.Increment(static_cast<double>(bytes.size()));
    if (batch.last_sequence >= 0)
      context_.door->acknowledge(response_id_, batch.last_sequence);
    if (batch.ended)
      co_return true;
  }
}

} // namespace troupe
