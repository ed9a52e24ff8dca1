#pragma once

#include "cli/bench/load_plan.hpp"
#include "cli/bench/request_record.hpp"
#include "net/client/http_stream_client.hpp"

#include <functional>
#include <simdjson.h>
#include <string>

namespace troupe {

/// Reads one streamed answer, notes its times, and checks that nothing of it is missing. What the two APIs
/// of OpenAI have in common.
class measured_stream : public stream_observer {
public:
  using on_done = std::function<void(request_record)>;

  /// done: called once, at the end.
  measured_stream(const time_source& clock, steady_time arrived, on_done done);

  void on_event(std::string_view type, std::string_view data) final;
  void on_end(const stream_end&) final;

protected:
  /// One event's JSON, whose `error` was looked at already.
  virtual void read(simdjson::dom::element event) = 0;

  /// The stream came to its end: what is missing?
  virtual void check_end() = 0;

  void note_text();
  void note_tokens(int64_t prompt, int64_t output);
  void not_whole(std::string what) { fail("not_whole", std::move(what)); }
  void fail(std::string kind, std::string problem);
  const request_record& record() const { return record_; }

private:
  const time_source& clock_;
  on_done done_;
  request_record record_;
  simdjson::dom::parser parser_;
  bool done_seen_ = false; // [DONE] came
};

/// Of /v1/chat/completions, with usage.
class chat_stream final : public measured_stream {
public:
  using measured_stream::measured_stream;

  /// {"model": ..., "messages": [...], "stream": true, ...}. model: may be empty.
  static std::string body(const std::string& model, const planned_request&, uint64_t seed, bool ignore_eos);

private:
  void read(simdjson::dom::element chunk) override;
  void check_end() override;

  std::string id_;
  bool finished_ = false; // finish_reason came
};

/// Of /v1/responses. Its events must be numbered 0, 1, 2, …, and its deltas must be its text.
class response_stream final : public measured_stream {
public:
  using measured_stream::measured_stream;

  static std::string body(const std::string& model, const planned_request&, uint64_t seed, bool ignore_eos);

private:
  void read(simdjson::dom::element event) override;
  void check_end() override;
  void read_terminal(simdjson::dom::element event, std::string_view type);

  int64_t next_number_ = 0;
  std::string text_; // of the deltas
  bool ended_ = false;
};

} // namespace troupe
