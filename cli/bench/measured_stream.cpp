#include "cli/bench/measured_stream.hpp"

#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

constexpr size_t message_bytes_max = 200;

using simdjson::dom::element;
using json = nlohmann::ordered_json;

/// The text at a JSON pointer, or nothing.
std::string_view text_at(element from, std::string_view pointer) {
  std::string_view text;
  if (from.at_pointer(pointer).get(text) != simdjson::SUCCESS)
    return {};
  return text;
}

int64_t number_at(element from, std::string_view pointer) {
  int64_t number = 0;
  if (from.at_pointer(pointer).get(number) != simdjson::SUCCESS)
    return 0;
  return number;
}

std::string text_of(json body, const std::string& model, bool ignore_eos) {
  if (!model.empty())
    body["model"] = model;
  if (ignore_eos)
    body["ignore_eos"] = true;
  // A file of prompts may hold any bytes.
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

measured_stream::measured_stream(const time_source& clock, steady_time arrived, on_done done)
    : clock_(clock), done_(std::move(done)) {
  record_.arrived = arrived;
}

void measured_stream::on_event(std::string_view, std::string_view data) {
  if (done_seen_)
    return not_whole("an event came after [DONE]");
  if (data == "[DONE]") {
    done_seen_ = true;
    return;
  }
  element event;
  if (parser_.parse(data.data(), data.size()).get(event) != simdjson::SUCCESS)
    return fail("server_error", "an event is not JSON");
  if (const auto message = text_at(event, "/error/message"); !message.empty())
    return fail("server_error", std::string(message.substr(0, message_bytes_max)));
  read(event);
}

void measured_stream::on_end(const stream_end& end) {
  record_.ended = clock_.now();
  if (end.http_status != 200 && end.http_status != 0) {
    element body;
    std::string_view message;
    if (parser_.parse(end.body).get(body) == simdjson::SUCCESS)
      message = text_at(body, "/error/message").substr(0, message_bytes_max);
    fail(fmt::format("http_{}", end.http_status),
         fmt::format("{}{}{}", end.problem, message.empty() ? "" : ": ", message));
  } else if (!end.problem.empty()) {
    fail("connection", end.problem);
  } else {
    check_end();
    if (!done_seen_)
      not_whole("the stream ended without [DONE]");
  }
  if (record_.output_tokens == 0) // a server without usage
    record_.output_tokens = record_.pieces();
  done_(std::move(record_));
}

void measured_stream::note_text() {
  const steady_time now = clock_.now();
  if (record_.first_text)
    record_.gaps_ms.push_back(std::chrono::duration<float, std::milli>(now - record_.last_text).count());
  else
    record_.first_text = now;
  record_.last_text = now;
}

void measured_stream::note_tokens(int64_t prompt, int64_t output) {
  record_.prompt_tokens = prompt;
  record_.output_tokens = output;
  // A token gives at most one piece; one that ends no character, or is not text, gives none.
  if (record_.pieces() > output)
    not_whole(fmt::format("{} pieces of text came for {} tokens", record_.pieces(), output));
}

void measured_stream::fail(std::string kind, std::string problem) {
  if (!record_.problem.empty()) // the first one says why
    return;
  record_.kind = std::move(kind);
  record_.problem = std::move(problem);
}

// -- chat completions
// ----------------------------------------------------------------------------------------

std::string chat_stream::body(const std::string& model, const planned_request& request, uint64_t seed,
                              bool ignore_eos) {
  return text_of({{"messages", {{{"role", "user"}, {"content", request.prompt}}}},
                  {"stream", true},
                  {"stream_options", {{"include_usage", true}}},
                  {"max_tokens", request.max_tokens},
                  {"temperature", 0},
                  {"seed", seed}},
                 model, ignore_eos);
}

void chat_stream::read(element chunk) {
  const auto id = text_at(chunk, "/id");
  if (id_.empty())
    id_ = id;
  else if (id != id_)
    return not_whole("a chunk of another answer came");
  if (!text_at(chunk, "/choices/0/delta/content").empty()) {
    note_text();
    if (finished_)
      not_whole("text came after finish_reason");
  }
  if (!text_at(chunk, "/choices/0/finish_reason").empty()) {
    if (finished_)
      not_whole("finish_reason came twice");
    finished_ = true;
  }
  if (element usage; chunk["usage"].get(usage) == simdjson::SUCCESS && usage.is_object())
    note_tokens(number_at(usage, "/prompt_tokens"), number_at(usage, "/completion_tokens"));
}

void chat_stream::check_end() {
  if (!finished_)
    not_whole("the stream ended without finish_reason");
}

// -- responses
// -----------------------------------------------------------------------------------------------

std::string response_stream::body(const std::string& model, const planned_request& request, uint64_t seed,
                                  bool ignore_eos) {
  constexpr int32_t output_tokens_min = 16; // the API takes no less
  return text_of({{"input", request.prompt},
                  {"stream", true},
                  {"store", false},
                  {"max_output_tokens", std::max(request.max_tokens, output_tokens_min)},
                  {"temperature", 0},
                  {"seed", seed}},
                 model, ignore_eos);
}

void response_stream::read(element event) {
  int64_t number = -1;
  if (event["sequence_number"].get(number) != simdjson::SUCCESS || number != next_number_)
    not_whole(fmt::format("event {} came where {} was due", number, next_number_));
  ++next_number_;
  if (ended_)
    not_whole("an event came after the terminal one");
  const auto type = text_at(event, "/type");
  if (type == "response.output_text.delta") {
    note_text();
    text_ += text_at(event, "/delta");
  } else if (type == "response.output_text.done") {
    if (text_ != text_at(event, "/text"))
      not_whole("the deltas are not the text");
  } else if (type == "response.completed" || type == "response.incomplete" || type == "response.failed") {
    read_terminal(event, type);
  }
}

void response_stream::read_terminal(element event, std::string_view type) {
  ended_ = true;
  text_.clear();
  if (type == "response.failed") {
    const auto message = text_at(event, "/response/error/message").substr(0, message_bytes_max);
    return fail("server_error", message.empty() ? "response.failed" : std::string(message));
  }
  note_tokens(number_at(event, "/response/usage/input_tokens"),
              number_at(event, "/response/usage/output_tokens"));
}

void response_stream::check_end() {
  if (!ended_)
    not_whole("the stream ended without a terminal event");
}

} // namespace troupe
