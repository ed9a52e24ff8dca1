#pragma once

#include "base/clock.hpp"
#include "net/client/http_stream_client.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <simdjson.h>
#include <string>
#include <vector>

namespace troupe {

/// One measured request.
struct request_record {
  steady_time arrived;                   // when it was due
  std::optional<steady_time> first_text; // first piece of the answer
  steady_time last_text;
  steady_time ended;
  std::vector<float> gaps_ms; // between pieces of the answer
  int64_t prompt_tokens = 0;  // as the server counted
  int64_t output_tokens = 0;
  std::string problem; // empty: it worked
};

/// Reads the stream of a chat completion and notes the times.
class completion_stream final : public stream_observer {
public:
  using on_done = std::function<void(request_record)>;

  completion_stream(const time_source& clock, steady_time arrived, on_done done);

  void on_event(std::string_view type, std::string_view data) override;
  void on_end(const stream_end&) override;

private:
  void note_text();
  void fail(std::string problem);

  const time_source& clock_;
  on_done done_;
  request_record record_;
  simdjson::dom::parser parser_;
  int64_t pieces_ = 0;
  bool finished_ = false; // [DONE] came
};

/// {"model": ..., "messages": [...], "stream": true, ...}. model: may be empty.
std::string completion_body(const std::string& model, const std::string& prompt, int32_t max_tokens,
                            uint64_t seed);

} // namespace troupe
