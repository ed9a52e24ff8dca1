#include "net/answer_writer.hpp"

#include "net/sse.hpp"
#include "observe/metrics.hpp"

namespace troupe {

namespace {

constexpr milliseconds body_wait{15'000}; // only a bound: changes wake

} // namespace

awaitable<bool> answer_writer::send(http_answer answer) {
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

/// Until it is accepted or refused. False: the client went away, or the wait was too long.
awaitable<bool> answer_writer::wait_for_acceptance(const answer_stream& stream) {
  socket_.watch();
  const milliseconds patience(context_.config.request_timeout_ms + 30'000); // the ledger gives up earlier
  bool decided = true;
  while (decided && stream.state() == answer_stream::phase::waiting && !socket_.gone())
    decided = co_await socket_.wait(patience);
  co_return decided && !socket_.gone();
}

awaitable<bool> answer_writer::send(answer_stream& stream, bool streaming) {
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

awaitable<bool> answer_writer::send_begun(const answer_stream& stream, const response_record& record) {
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

awaitable<bool> answer_writer::send_body(answer_stream& stream) {
  std::string body;
  while (true) {
    if (stream.pending()) {
      auto batch = stream.take();
      if (!batch.frames.empty())
        body = std::move(batch.frames.back());
      acknowledge(batch);
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

awaitable<bool> answer_writer::send_stream(answer_stream& stream) {
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

awaitable<bool> answer_writer::write_frames(answer_stream& stream, body_framing framing) {
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
    acknowledge(batch);
    if (batch.ended)
      co_return true;
  }
}

void answer_writer::acknowledge(const answer_stream::batch& batch) {
  for (const auto& [id, sequence_number] : batch.passed)
    context_.door->acknowledge(id, sequence_number);
}

} // namespace troupe
