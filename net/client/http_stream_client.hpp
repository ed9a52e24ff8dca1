#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// One POST of JSON.
struct stream_request {
  std::string path; // "/v1/chat/completions"
  std::string body;
};

/// How a request ended.
struct stream_end {
  int http_status = 0; // 0: no answer came
  std::string problem; // empty: the stream came to its end
  std::string body;    // of an answer that was not 200: its first 4 KiB
};

/// Hears about one request, on the thread that calls run().
class stream_observer {
public:
  virtual ~stream_observer() = default;
  virtual void on_event(std::string_view type, std::string_view data) = 0;
  virtual void on_end(const stream_end&) = 0; // once, and last
};

struct http_client_options {
  std::string host;
  uint16_t port = 80;
  std::vector<std::pair<std::string, std::string>> headers; // beside Host, Content-Type, Accept
  int64_t silence_ms_max = 120'000;                         // nothing read or written for so long: an error
  size_t response_bytes_max = 64u << 20;
};

/// Many HTTP requests at once, each on a connection of its own, with answers as server-sent events. One
/// thread: the one in run(). start() and after() may be called before run() and from within its callbacks.
class http_stream_client {
public:
  explicit http_stream_client(http_client_options);
  ~http_stream_client();

  void start(stream_request, std::shared_ptr<stream_observer>);

  /// Calls back once, so many microseconds from now.
  void after(int64_t delay_us, std::function<void()>);

  /// Returns when no request and no timer is left.
  void run();

  /// Makes run() return soon: requests in flight end without on_end. Thread-safe.
  void stop();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
