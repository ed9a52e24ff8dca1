#include "net/exchange.hpp"

#include "base/version.hpp"
#include "net/chat_encoder.hpp"
#include "net/field_reader.hpp"
#include "net/json_writer.hpp"
#include "net/pending_answer.hpp"
#include "net/request_parser_chat.hpp"
#include "net/responses_encoder.hpp"
#include "net/sse.hpp"
#include "observe/metrics.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

constexpr milliseconds keep_alive_interval{15'000};

void write_model(json_writer& json, const served_model& model) {
  json.begin_object().field("id", model.id).field("object", "model").field("created", model.created);
  json.field("owned_by", "troupe").field("max_model_len", model.max_model_len).end_object();
}

bool is_json(std::string_view content_type) {
  const auto media = content_type.substr(0, content_type.find_first_of("; \t"));
  return equal_ignoring_case(media, "application/json");
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
  if (!route_.open && !context_.keys.allows(request_.header("authorization"))) {
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
      return answer;
    }
    if (!same_origin(request_))
      return http_answer::failure(
          http_problem(403, "wrong_origin", "pages of another origin may not connect"));
  }
  if (request_.method == "POST" && !is_json(request_.header("content-type")))
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
  if (route_.target == endpoint::chat_completions || route_.target == endpoint::responses) {
    const bool go_on = co_await generate();
    co_return go_on;
  }
  const bool go_on = co_await send(plain_answer());
  co_return go_on;
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

// -- answers that need no engine
// ---------------------------------------------------------------------------------

http_answer exchange::plain_answer() const {
  switch (route_.target) {
  case endpoint::live:
    return context_.door->status().live ? http_answer::text(200, "ok\n")
                                        : http_answer::text(503, "not live\n");
  case endpoint::ready: {
    const auto now = context_.door->status();
    return now.ready ? http_answer::text(200, "ok\n") : http_answer::text(503, "not ready\n");
  }
  case endpoint::version:
    return http_answer::json(fmt::format(R"({{"version":"{}","commit":"{}"}})", version, commit));
  case endpoint::metrics: {
    auto answer = http_answer::text(200, context_.counts.render());
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return answer;
  }
  case endpoint::faults:
    return inject_fault_answer();
  default:
    return models_answer();
  }
}

http_answer exchange::models_answer() const {
  const auto served = context_.door->model();
  std::string body;
  json_writer json(body);
  if (route_.target == endpoint::models) {
    json.begin_object().field("object", "list").key("data").begin_array();
    write_model(json, served);
    json.end_array().end_object();
  } else if (route_.argument == served.id) {
    write_model(json, served);
  } else {
    return http_answer::failure(
        to_api_error(rejection{request_error::model_not_found, "this model is not served here", "model", 0}));
  }
  return http_answer::json(std::move(body));
}

http_answer exchange::inject_fault_answer() const {
  const auto body = context_.json.parse(request_.body);
  if (!body)
    return http_answer::failure(to_api_error(body.error()));
  field_reader fields(*body);
  const auto part = fields.word("part", {"batcher", "executor", "page_manager", "engine"});
  const auto kind = fields.word("fault", {"throw", "kill"});
  fields.refuse_unknown();
  if (!part || !kind)
    fields.fail(part ? "fault" : "part", "is missing");
  if (fields.failed())
    return http_answer::failure(to_api_error(fields.problem()));
  inject_fault fault;
  fault.part = *part == "batcher"        ? engine_part::batcher
               : *part == "executor"     ? engine_part::executor
               : *part == "page_manager" ? engine_part::page_manager
                                         : engine_part::engine;
  fault.kind = *kind == "kill" ? fault_kind::kill : fault_kind::throw_error;
  context_.door->inject(fault);
  auto answer = http_answer::json(R"({"injected":true})");
  answer.code = 202;
  return answer;
}

// -- answers of the model
// ----------------------------------------------------------------------------------------

parsed<exchange::generation> exchange::parse_generation() const {
  const auto body = context_.json.parse(request_.body);
  if (!body)
    return tl::unexpected(body.error());
  if (route_.target == endpoint::chat_completions) {
    auto chat = parse_chat_request(*body);
    if (!chat)
      return tl::unexpected(chat.error());
    return generation{std::move(chat->generation),
                      std::make_unique<chat_encoder>(chat->stream, chat->include_usage), chat->stream};
  }
  auto response = parse_responses_request(*body, transport::http);
  if (!response)
    return tl::unexpected(response.error());
  const auto shape = response->stream ? responses_encoder::form::sse : responses_encoder::form::body;
  return generation{std::move(response->generation),
                    std::make_unique<responses_encoder>(std::move(response->echo), shape, context_.clock),
                    response->stream};
}

awaitable<bool> exchange::generate() {
  auto wanted = parse_generation();
  if (!wanted) {
    context_.counts.requests_rejected_total.of(to_string(wanted.error().code)).Increment();
    const bool go_on = co_await send(http_answer::failure(to_api_error(wanted.error())));
    co_return go_on;
  }
  std::string().swap(request_.body);
  budget_.hold(0);
  response_id_ = make_id("resp_");
  wanted->request.response_id = response_id_;
  wanted->request.request_id = request_id_;
  const bool streaming = wanted->stream;
  auto stream = std::make_shared<answer_stream>(
      std::move(wanted->encoder),
      [weak = socket_.weak_from_this()] {
        if (const auto socket = weak.lock())
          socket->wake();
      },
      static_cast<size_t>(context_.config.unsent_bytes_max));
  pending_answer pending(context_, response_id_, stream);
  context_.door->submit(std::move(wanted->request), stream);
  socket_.watch();
  const milliseconds patience(context_.config.request_timeout_ms + 30'000); // the ledger gives up earlier
  bool decided = true;
  while (decided && stream->state() == answer_stream::phase::waiting && !socket_.gone())
    decided = co_await socket_.wait(patience);
  if (socket_.gone() || !decided)
    co_return false;
  if (stream->state() == answer_stream::phase::rejected) {
    pending.finish();
    co_await socket_.unwatch();
    const bool go_on = co_await send(http_answer::failure(to_api_error(stream->refused())));
    co_return go_on;
  }
  bool go_on = false;
  if (streaming)
    go_on = co_await send_stream(*stream);
  else
    go_on = co_await send_body(*stream);
  if (stream->state() == answer_stream::phase::ended)
    pending.finish();
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
    if (socket_.gone())
      co_return false;
    co_await socket_.wait(keep_alive_interval);
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
    if (socket_.gone() || stream.overflowed())
      co_return false;
    if (!stream.pending()) {
      const bool woken = co_await socket_.wait(keep_alive_interval);
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
    context_.door->acknowledge(response_id_, batch.last_sequence);
    if (batch.ended)
      co_return true;
  }
}

} // namespace troupe
