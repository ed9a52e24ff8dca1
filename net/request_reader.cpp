#include "net/request_reader.hpp"

#include "net/request_rules.hpp"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <functional>

namespace troupe {

namespace http = boost::beast::http;

namespace {

/// A body must arrive at no less than this many bytes in each header_timeout_ms.
constexpr size_t body_progress_bytes = 256 * 1024;

bool is_control(char c) {
  return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
}

} // namespace

struct request_reader::parser {
  parser() { http.on_chunk_header(on_chunk); }

  http::request_parser<http::string_body> http;

  /// Beast takes any byte between quotes, a line end too: some proxies end the chunk's line there.
  std::function<void(std::uint64_t, boost::beast::string_view, error_code&)> on_chunk =
      [](std::uint64_t, boost::beast::string_view extensions, error_code& failed) {
        if (std::ranges::any_of(extensions, is_control))
          failed = http::error::bad_chunk_extension;
      };
};

request_reader::request_reader(client_socket& socket, server_context& context)
    : socket_(socket), context_(context), parser_(std::make_unique<parser>()) {
  parser_->http.header_limit(static_cast<std::uint32_t>(context.config.header_bytes_max));
  parser_->http.body_limit(static_cast<std::uint64_t>(context.config.body_bytes_max));
}

request_reader::~request_reader() = default;

/// Beast forgets a header's fields once it has them, so its limit holds for each read, not for the header.
bool request_reader::scan_header() {
  const auto data = socket_.buffer().data();
  const std::string_view bytes(static_cast<const char*>(data.data()), data.size());
  scanned_ += scanner_.feed(bytes.substr(scanned_));
  if (!scanner_.problem().empty())
    refuse(400, "bad_request", fmt::format("not an HTTP/1.1 request: the header has {}", scanner_.problem()));
  else if (scanner_.bytes() > static_cast<size_t>(context_.config.header_bytes_max))
    refuse(431, "header_too_large",
           fmt::format("the header has more than {} bytes", context_.config.header_bytes_max));
  else
    return true;
  return false;
}

bool request_reader::parse() {
  error_code failed;
  auto& buffer = socket_.buffer();
  const auto consumed = parser_->http.put(buffer.data(), failed);
  scanned_ -= std::min(scanned_, consumed);
  buffer.consume(consumed);
  need_more_ = failed == http::error::need_more;
  if (!failed || need_more_)
    return true;
  if (failed == http::error::header_limit)
    refuse(431, "header_too_large",
           fmt::format("the header has more than {} bytes", context_.config.header_bytes_max));
  else if (failed == http::error::body_limit)
    refuse(413, "body_too_large",
           fmt::format("the body has more than {} bytes", context_.config.body_bytes_max));
  else
    refuse(400, "bad_request", "not an HTTP/1.1 request: " + failed.message());
  return false;
}

awaitable<request_reader::outcome> request_reader::read_header(bool first) {
  const milliseconds header_time(context_.config.header_timeout_ms);
  auto& buffer = socket_.buffer();
  socket_.set_deadline(first ? header_time : milliseconds(context_.config.idle_timeout_ms));
  if (buffer.size() == 0) {
    bool came = co_await socket_.wait_readable();
    if (came)
      came = co_await socket_.read_some();
    if (!came)
      co_return outcome::closed;
  }
  if (!first)
    socket_.set_deadline(header_time);
  need_more_ = false;
  while (!parser_->http.is_header_done()) {
    if (need_more_) {
      const bool came = co_await socket_.read_some();
      if (!came && socket_.timed_out())
        co_return refuse(408, "header_timeout", "the header did not arrive in time");
      if (!came)
        co_return outcome::closed;
    }
    if (!scan_header() || !parse()) {
      take_start_line();
      co_return outcome::refused;
    }
  }
  socket_.clear_deadline();
  take_header();
  if (const auto ambiguity = ambiguity_of(request_); !ambiguity.empty())
    co_return refuse(400, "bad_request", "the request is refused: " + ambiguity);
  co_return outcome::complete;
}

/// As much as came of it: a refusal of the header is logged with it.
void request_reader::take_start_line() {
  const auto& message = parser_->http.get();
  request_.method = std::string(message.method_string());
  request_.target = std::string(message.target());
}

void request_reader::take_header() {
  const auto& message = parser_->http.get();
  take_start_line();
  request_.http_1_0 = message.version() < 11;
  request_.keep_alive = message.keep_alive();
  for (const auto& field : message)
    request_.headers.emplace_back(field.name_string(), field.value());
  request_.upgrade = http::token_list(message[http::field::connection]).exists("upgrade") &&
                     http::token_list(message[http::field::upgrade]).exists("websocket");
  request_.has_body = !parser_->http.is_done();
}

awaitable<request_reader::outcome> request_reader::read_body(body_budget& budget) {
  const milliseconds window(context_.config.header_timeout_ms);
  socket_.set_deadline(window);
  size_t reached = body_progress_bytes;
  while (!parser_->http.is_done()) {
    if (need_more_ || socket_.buffer().size() == 0) {
      const bool came = co_await socket_.read_some();
      if (!came && socket_.timed_out())
        co_return refuse(408, "body_timeout", "the body did not arrive in time");
      if (!came && socket_.full())
        co_return refuse(400, "bad_request", "a chunk's line or the trailer is too long");
      if (!came)
        co_return outcome::closed;
    }
    if (!parse())
      co_return outcome::refused;
    const size_t bytes = parser_->http.get().body().size();
    if (!budget.hold(bytes)) {
      refuse(503, "too_many_bodies", "too many large requests at once: try again soon");
      problem_.headers.emplace_back("Retry-After", "1");
      co_return outcome::refused;
    }
    if (bytes >= reached) {
      reached = bytes + body_progress_bytes;
      socket_.set_deadline(window);
    }
  }
  socket_.clear_deadline();
  request_.body = std::move(parser_->http.get().body());
  co_return outcome::complete;
}

request_reader::outcome request_reader::refuse(int code, const char* name, std::string message) {
  problem_ = http_answer::failure(http_problem(code, name, std::move(message)));
  problem_.close = true;
  return outcome::refused;
}

} // namespace troupe
