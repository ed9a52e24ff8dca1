#include "cli/bench/completion_stream.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

constexpr size_t message_bytes_max = 200;

/// "error.message" of an error object, or nothing.
std::string error_message(simdjson::dom::parser& parser, const std::string& body) {
  std::string_view message;
  if (parser.parse(body).at_pointer("/error/message").get(message) != simdjson::SUCCESS)
    return {};
  return std::string(message.substr(0, message_bytes_max));
}

} // namespace

completion_stream::completion_stream(const time_source& clock, steady_time arrived, on_done done)
    : clock_(clock), done_(std::move(done)) {
  record_.arrived = arrived;
}

void completion_stream::on_event(std::string_view, std::string_view data) {
  if (data == "[DONE]") {
    finished_ = true;
    return;
  }
  simdjson::dom::element chunk;
  if (parser_.parse(data.data(), data.size()).get(chunk) != simdjson::SUCCESS)
    return fail("an event is not JSON");
  std::string_view text;
  if (chunk.at_pointer("/error/message").get(text) == simdjson::SUCCESS)
    return fail(std::string(text.substr(0, message_bytes_max)));
  if (chunk.at_pointer("/choices/0/delta/content").get(text) == simdjson::SUCCESS && !text.empty())
    note_text();
  simdjson::dom::object usage;
  if (chunk["usage"].get(usage) == simdjson::SUCCESS) {
    [[maybe_unused]] auto no_prompt = usage["prompt_tokens"].get(record_.prompt_tokens);
    [[maybe_unused]] auto no_output = usage["completion_tokens"].get(record_.output_tokens);
  }
}

void completion_stream::note_text() {
  steady_time now = clock_.now();
  if (record_.first_text)
    record_.gaps_ms.push_back(std::chrono::duration<float, std::milli>(now - record_.last_text).count());
  else
    record_.first_text = now;
  record_.last_text = now;
  ++pieces_;
}

void completion_stream::on_end(const stream_end& end) {
  record_.ended = clock_.now();
  if (!end.problem.empty()) {
    std::string message = error_message(parser_, end.body);
    fail(message.empty() ? end.problem : end.problem + ": " + message);
  } else if (!finished_) {
    fail("the stream ended without [DONE]");
  }
  if (record_.output_tokens == 0) // a server without usage
    record_.output_tokens = pieces_;
  done_(std::move(record_));
}

void completion_stream::fail(std::string problem) {
  if (record_.problem.empty()) // the first one says why
    record_.problem = std::move(problem);
}

std::string completion_body(const std::string& model, const std::string& prompt, int32_t max_tokens,
                            uint64_t seed) {
  nlohmann::ordered_json body{{"messages", {{{"role", "user"}, {"content", prompt}}}},
                              {"stream", true},
                              {"stream_options", {{"include_usage", true}}},
                              {"max_tokens", max_tokens},
                              {"temperature", 0},
                              {"seed", seed}};
  if (!model.empty())
    body["model"] = model;
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace troupe
