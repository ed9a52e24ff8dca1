#include "net/client/http_stream_client.hpp"

#include "base/version.hpp"
#include "net/client/sse_parser.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace troupe {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr size_t error_body_bytes_max = 4096;

/// One connection, one request, one answer. Keeps itself alive until the end.
class stream_exchange : public std::enable_shared_from_this<stream_exchange> {
public:
  stream_exchange(asio::io_context& context, const http_client_options& options, stream_request request,
                  std::shared_ptr<stream_observer> observer)
      : resolver_(context), stream_(context), options_(options), observer_(std::move(observer)),
        events_([this](const sse_parser::event& event) { observer_->on_event(event.type, event.data); }) {
    request_.method(http::verb::post);
    request_.target(request.path);
    bool is_v6 = options.host.find(':') != std::string::npos;
    request_.set(http::field::host,
                 (is_v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port));
    request_.set(http::field::user_agent, std::string("troupe/") + version);
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::accept, "text/event-stream");
    for (const auto& [name, value] : options.headers)
      request_.set(name, value);
    request_.body() = std::move(request.body);
    request_.keep_alive(false);
    request_.prepare_payload();
    response_.body_limit(options.response_bytes_max);
  }

  void start() {
    resolver_.async_resolve(
        options_.host, std::to_string(options_.port),
        [self = shared_from_this()](error_code failed, tcp::resolver::results_type found) {
          if (failed)
            return self->end("the host could not be found: ", failed);
          self->connect(found);
        });
  }

private:
  void guard_silence() { stream_.expires_after(std::chrono::milliseconds(options_.silence_ms_max)); }

  void connect(const tcp::resolver::results_type& found) {
    guard_silence();
    stream_.async_connect(found, [self = shared_from_this()](error_code failed, const tcp::endpoint&) {
      if (failed)
        return self->end("no connection: ", failed);
      error_code ignored;
      self->stream_.socket().set_option(tcp::no_delay(true), ignored);
      self->write();
    });
  }

  void write() {
    guard_silence();
    http::async_write(stream_, request_, [self = shared_from_this()](error_code failed, size_t) {
      // A server that refuses early may close while the body is still on its way: its answer counts.
      self->write_problem_ = failed;
      self->read_head();
    });
  }

  void read_head() {
    guard_silence();
    http::async_read_header(
        stream_, buffer_, response_, [self = shared_from_this()](error_code failed, size_t) {
          if (failed)
            return self->end("no answer: ", self->write_problem_ ? self->write_problem_ : failed);
          self->end_.http_status = static_cast<int>(self->response_.get().result_int());
          self->take_body();
        });
  }

  void read_body() {
    guard_silence();
    http::async_read_some(stream_, buffer_, response_,
                          [self = shared_from_this()](error_code failed, size_t) {
                            self->problem_ = failed;
                            self->take_body();
                          });
  }

  /// What has come of the body so far; then more of it, or the end.
  void take_body() {
    std::string& body = response_.get().body();
    if (end_.http_status == 200 && !events_.feed(body))
      return end_with("an event of the stream is too long");
    if (end_.http_status != 200)
      end_.body.append(body, 0, error_body_bytes_max - std::min(error_body_bytes_max, end_.body.size()));
    body.clear();
    if (problem_)
      return end("the answer was cut off: ", problem_);
    if (response_.is_done())
      return end_with(end_.http_status == 200 ? "" : "HTTP " + std::to_string(end_.http_status));
    read_body();
  }

  void end(const char* what, error_code why) { end_with(what + why.message()); }

  void end_with(std::string problem) {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
    end_.problem = std::move(problem);
    observer_->on_end(end_);
  }

  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  const http_client_options& options_;
  std::shared_ptr<stream_observer> observer_;
  sse_parser events_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> response_;
  beast::flat_buffer buffer_{256 * 1024};
  error_code write_problem_;
  error_code problem_;
  stream_end end_;
};

} // namespace

class http_stream_client::impl {
public:
  http_client_options options;
  asio::io_context context{1};
};

http_stream_client::http_stream_client(http_client_options options) : impl_(std::make_unique<impl>()) {
  impl_->options = std::move(options);
}

http_stream_client::~http_stream_client() = default;

void http_stream_client::start(stream_request request, std::shared_ptr<stream_observer> observer) {
  std::make_shared<stream_exchange>(impl_->context, impl_->options, std::move(request), std::move(observer))
      ->start();
}

void http_stream_client::after(int64_t delay_us, std::function<void()> call) {
  auto timer = std::make_shared<asio::steady_timer>(impl_->context, std::chrono::microseconds(delay_us));
  timer->async_wait([timer, call = std::move(call)](error_code failed) {
    if (!failed)
      call();
  });
}

void http_stream_client::run() {
  impl_->context.run();
}

void http_stream_client::stop() {
  impl_->context.stop();
}

} // namespace troupe
