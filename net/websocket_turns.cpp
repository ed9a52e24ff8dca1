#include "net/websocket_turns.hpp"

#include "net/field_reader.hpp"
#include "net/pending_answer.hpp"
#include "net/responses_encoder.hpp"
#include "net/resume_reader.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"

#include <limits>

namespace troupe {

namespace {

bool asks_to_resume(simdjson::dom::object body) {
  std::string_view type;
  return body["type"].get(type) == simdjson::SUCCESS && type == "response.resume";
}

/// {"type": "response.resume", "response_id": ..., "starting_after": ..., "stream_token": ...}: an extension.
parsed<attach_reader> parse_resume(simdjson::dom::object body) {
  field_reader fields(body);
  attach_reader reader;
  fields.ignore({"type"});
  const auto id = fields.string("response_id", 256);
  if (!id)
    fields.fail("response_id", "is missing");
  reader.stream_token = fields.string("stream_token", 256).value_or("");
  reader.starting_after =
      fields.integer("starting_after", -1, std::numeric_limits<int64_t>::max() - 1).value_or(-1);
  fields.refuse_unknown();
  if (fields.failed())
    return tl::unexpected(fields.problem());
  reader.response_id = *id;
  return reader;
}

/// A function: g++ 12 destroys a braced temporary inside a co_await expression twice.
api_error problem_of(request_error code, std::string param, std::string message) {
  return to_api_error(rejection{code, std::move(message), std::move(param), 0});
}

} // namespace

awaitable<websocket_turns::outcome> websocket_turns::take(std::string message) {
  const auto begun = context_.clock.now();
  continued_.clear();
  tl::expected<response_opening, api_error> opening;
  std::optional<attach_reader> reader;
  {
    const auto body = context_.json.parse(message);
    if (!body) {
      opening = tl::unexpected(to_api_error(body.error()));
    } else if (!asks_to_resume(*body)) {
      continued_ = previous_response_id_of(*body);
      opening = parse(*body);
    } else if (auto wanted = parse_resume(*body)) {
      reader = std::move(*wanted);
    } else {
      opening = tl::unexpected(to_api_error(wanted.error()));
    }
  }
  std::string().swap(message);
  outcome end = outcome::done;
  std::string response_id;
  if (reader) {
    response_id = reader->response_id;
    end = co_await resume(std::move(*reader));
  } else if (opening) {
    response_id = opening->record->id;
    end = co_await create(std::move(*opening));
  } else {
    const auto unsupported = to_string(request_error::not_supported);
    const auto reason =
        opening.error().code == unsupported ? unsupported : to_string(request_error::invalid_value);
    context_.counts.requests_rejected_total.of(reason).Increment();
    end = co_await fail(opening.error());
  }
  const std::chrono::duration<double, std::milli> taken = context_.clock.now() - begun;
  log_event(log_level::info, "websocket_turn_ended",
            {{"request", asker_.request_id},
             {"response", response_id},
             {"complete", end == outcome::done},
             {"ms", taken.count()}});
  co_return end;
}

tl::expected<response_opening, api_error> websocket_turns::parse(simdjson::dom::object body) {
  auto request = parse_responses_request(body, transport::websocket);
  if (!request)
    return tl::unexpected(to_api_error(request.error()));
  return open_response(context_.store, std::move(*request), asker_);
}

std::shared_ptr<answer_stream> websocket_turns::make_stream(response_json json) const {
  return std::make_shared<answer_stream>(
      std::make_unique<responses_encoder>(std::move(json), responses_encoder::form::websocket),
      channel_.waker(), static_cast<size_t>(context_.config.unsent_bytes_max));
}

awaitable<websocket_turns::outcome> websocket_turns::create(response_opening opening) {
  turn one{opening.record->id, make_stream(opening.json), opening.record};
  const auto where = opening.store ? response_recorder::keeping::stored : response_recorder::keeping::nowhere;
  auto recorder = std::make_shared<response_recorder>(context_, opening.record, std::move(opening.json),
                                                      where, one.stream);
  pending_answer pending(context_, one.response_id, one.stream, std::move(recorder),
                         pending_answer::when_left::detach);
  context_.door->submit(std::move(opening.generation), pending.listener());
  const auto end = co_await work(std::move(one), pending);
  co_return end;
}

awaitable<websocket_turns::outcome> websocket_turns::resume(attach_reader reader) {
  reader.owner = asker_.owner;
  if (context_.store.was_erased(reader.response_id)) {
    const auto end = co_await fail(
        problem_of(request_error::response_not_found, "response_id", "the response was deleted"));
    co_return end;
  }
  auto coming = make_resume_reader(context_, reader, make_stream(response_json()));
  turn one{reader.response_id, coming.stream, nullptr};
  pending_answer pending(context_, one.response_id, one.stream, std::move(coming.recorder), coming.then);
  context_.door->attach(std::move(reader), pending.listener());
  const auto end = co_await work(std::move(one), pending);
  co_return end;
}

awaitable<websocket_turns::outcome> websocket_turns::work(turn one, pending_answer& pending) {
  const auto end = co_await send_answer(*one.stream);
  if (end == outcome::lost && channel_.closed_cleanly())
    pending.cancel_when_left();
  if (end == outcome::done && one.record) {
    if (one.record->can_be_continued())
      asker_.latest = one.record;
    else
      forget(continued_);
  }
  co_return end;
}

awaitable<websocket_turns::outcome> websocket_turns::send_answer(answer_stream& stream) {
  while (true) {
    if (channel_.over() || stream.overflowed())
      co_return outcome::lost;
    if (stream.state() == answer_stream::phase::taken_over)
      co_return outcome::taken_over;
    if (stream.state() == answer_stream::phase::rejected) {
      const auto end = co_await fail(to_api_error(stream.refused()));
      co_return end;
    }
    if (!stream.pending()) {
      if (stream.over()) { // a turn needs a terminal message
        const auto end = co_await fail(problem_of(request_error::invalid_value, "starting_after",
                                                  "starting_after is the number of the last event"));
        co_return end;
      }
      co_await channel_.wait();
      continue;
    }
    const auto batch = stream.take();
    for (const auto& frame : batch.frames) {
      const bool sent = co_await channel_.write(frame);
      if (!sent)
        co_return outcome::lost;
    }
    for (const auto& [id, sequence_number] : batch.passed)
      context_.door->acknowledge(id, sequence_number);
    if (batch.ended)
      co_return outcome::done;
  }
}

awaitable<websocket_turns::outcome> websocket_turns::fail(api_error problem) {
  forget(continued_);
  const bool sent = co_await send_error(problem);
  co_return sent ? outcome::done : outcome::lost;
}

awaitable<bool> websocket_turns::send_error(const api_error& problem) {
  const auto text = error_envelope(problem);
  const bool sent = co_await channel_.write(text);
  co_return sent;
}

/// After a continuation that failed: the response that it named is no longer remembered here.
void websocket_turns::forget(std::string_view response_id) {
  if (asker_.latest && asker_.latest->id == response_id)
    asker_.latest = nullptr;
}

} // namespace troupe
