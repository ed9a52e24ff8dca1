#include "net/http_server.hpp"

#include "net/asio.hpp"
#include "net/connection.hpp"
#include "net/errors.hpp"
#include "net/http_answer.hpp"
#include "net/server_context.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <fmt/format.h>
#include <mutex>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

namespace troupe {

using asio::ip::tcp;

namespace {

constexpr milliseconds accept_pause{100};     // after an error such as EMFILE
constexpr milliseconds complaint_pause{1000}; // between two lines about connections that could not be served
constexpr uint64_t other_descriptors = 64;    // of the log, the event loop, model files
constexpr int probe_after_s = 10;             // TCP keep-alive: a silent peer is gone after 10 + 2 * 5 s
constexpr int probe_interval_s = 5;
constexpr int probes_max = 2;
constexpr milliseconds drain_check{10};
constexpr milliseconds abort_time{2000};
constexpr int send_buffer_bytes = 256 * 1024; // the kernel's share of what a slow reader holds

/// Where executor() posts to, for as long as the server lives.
struct post_gate {
  std::mutex mutex;
  asio::io_context* io = nullptr;

  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex);
    if (io)
      asio::post(*io, std::move(work));
  }
};

/// No path: no keys.
result<api_keys> load_keys(const std::string& path) {
  return path.empty() ? result<api_keys>(api_keys()) : api_keys::load(path);
}

result<tcp::endpoint> resolve(asio::io_context& io, const std::string& host, int64_t port) {
  error_code failed;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, failed);
  if (failed || found.empty())
    return failure(net_error::listen_failed,
                   fmt::format("host {} is not an address of this machine: {}", host, failed.message()));
  for (const auto& one : found) // "localhost" is both: more clients try 127.0.0.1
    if (one.endpoint().address().is_v4())
      return one.endpoint();
  return found.begin()->endpoint();
}

} // namespace

class http_server::implementation {
public:
  implementation(const settings& config, metrics& numbers, const time_source& clock, api_keys keys,
                 api_keys admin_keys)
      : context_(config, numbers, clock, std::move(keys)), acceptor_(io_), pause_(io_), drain_timer_(io_),
        work_(io_.get_executor()), gate_(std::make_shared<post_gate>()) {
    context_.admin_keys = std::move(admin_keys);
    gate_->io = &io_;
  }

  ~implementation() {
    stop(milliseconds(0));
    const std::lock_guard lock(gate_->mutex);
    gate_->io = nullptr;
  }

  status check_address();
  status listen(front_door& door);
  void stop(milliseconds grace);
  uint16_t port() const { return port_; }
  std::shared_ptr<post_gate> gate() const { return gate_; }

private:
  void run();
  void accept_next();
  void on_accept(const error_code&, tcp_socket);
  void set_options(tcp_socket&) const;
  void refuse(tcp_socket) const;
  void complain(const char* event, std::string_view reason);
  void begin_stop(milliseconds grace);
  void wait_for_sessions(milliseconds grace);
  void abort_sessions();

  // The contexts' order matters: coroutine frames that never ended die with io_ and look at context_.
  server_context context_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::steady_timer drain_timer_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<post_gate> gate_;
  tcp::endpoint address_;
  uint16_t port_ = 0;
  steady_time complained_{};
  uint64_t complaints_held_back_ = 0;
  std::thread thread_;
};

status http_server::implementation::check_address() {
  const auto address = resolve(io_, context_.config.host, context_.config.port);
  if (!address)
    return forward_error(address);
  address_ = *address;
  if (!address_.address().is_loopback() && context_.keys.empty())
    return failure(
        net_error::keys_required,
        fmt::format("host {} can be reached from other machines: set api_key_file, or host to 127.0.0.1",
                    context_.config.host));
  return {};
}

status http_server::implementation::listen(front_door& door) {
  error_code failed;
  acceptor_.open(address_.protocol(), failed);
  if (!failed)
    acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed)
    acceptor_.bind(address_, failed);
  if (!failed)
    acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  if (failed)
    return failure(net_error::listen_failed,
                   fmt::format("cannot listen on {} port {}: {}", context_.config.host, context_.config.port,
                               failed.message()));
  port_ = acceptor_.local_endpoint().port();
  context_.door = &door;
  accept_next();
  thread_ = std::thread([this] { run(); });
  log_event(log_level::info, "http_listening", {{"host", context_.config.host}, {"port", port_}});
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
      files.rlim_cur < static_cast<uint64_t>(context_.config.connections_max) + other_descriptors)
    log_event(log_level::warn, "open_files_limit_low",
              {{"limit", files.rlim_cur}, {"connections_max", context_.config.connections_max}});
  return {};
}

void http_server::implementation::run() {
  while (true) {
    try {
      io_.run();
      return;
    } catch (const std::exception& problem) { // of a listener's callback; its own connection notices
      log_event(log_level::error, "io_handler_broken", {{"reason", problem.what()}});
    }
  }
}

void http_server::implementation::accept_next() {
  acceptor_.async_accept(
      [this](const error_code& failed, tcp_socket socket) { on_accept(failed, std::move(socket)); });
}

void http_server::implementation::on_accept(const error_code& failed, tcp_socket socket) {
  if (context_.draining || failed == asio::error::operation_aborted)
    return;
  if (failed) {
    context_.counts.requests_rejected_total.of("accept_failed").Increment();
    complain("accept_failed", failed.message());
    pause_.expires_after(accept_pause);
    pause_.async_wait([this](const error_code& cancelled) {
      if (!cancelled && !context_.draining)
        accept_next();
    });
    return;
  }
  set_options(socket);
  if (context_.sessions.size() >= static_cast<size_t>(context_.config.connections_max)) {
    context_.counts.requests_rejected_total.of("too_many_connections").Increment();
    complain("too_many_connections", "server.connections_max are open");
    refuse(std::move(socket));
  } else {
    connection::start(context_, std::move(socket));
  }
  accept_next();
}

/// A peer that vanished without a word is noticed: what was sent to it is never acknowledged, or the kernel's
/// probes are never answered.
void http_server::implementation::set_options(tcp_socket& socket) const {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::send_buffer_size(send_buffer_bytes), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const auto set = [&](int name, int value) {
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, name, &value, sizeof value);
  };
  set(TCP_KEEPIDLE, probe_after_s);
  set(TCP_KEEPINTVL, probe_interval_s);
  set(TCP_KEEPCNT, probes_max);
}

/// Whoever makes trouble a thousand times a second does not get a thousand lines.
void http_server::implementation::complain(const char* event, std::string_view reason) {
  const auto now = context_.clock.now();
  if (complained_ != steady_time{} && now - complained_ < complaint_pause) {
    ++complaints_held_back_;
    return;
  }
  complained_ = now;
  log_event(log_level::warn, event,
            {{"reason", reason}, {"held_back", std::exchange(complaints_held_back_, 0)}});
}

/// Best effort, without waiting: whoever attacks gets no coroutine.
void http_server::implementation::refuse(tcp_socket socket) const {
  auto answer =
      http_answer::failure(http_problem(503, "too_many_connections", "too many connections: try again"));
  answer.headers.emplace_back("Retry-After", "1");
  answer_frame frame;
  frame.unix_seconds = context_.clock.unix_seconds();
  frame.keep_alive = false;
  const auto bytes = answer_head(answer, frame) + answer.body;
  error_code ignored;
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(tcp_socket::shutdown_send, ignored);
  std::array<char, 16384> rest;
  socket.read_some(asio::buffer(rest), ignored); // unread bytes would turn the close into a reset
}

// -- the end
// -------------------------------------------------------------------------------------------------------

void http_server::implementation::stop(milliseconds grace) {
  if (!thread_.joinable())
    return;
  asio::post(io_, [this, grace] { begin_stop(grace); });
  thread_.join();
  context_.door = nullptr;
  log_event(log_level::info, "http_stopped");
}

void http_server::implementation::begin_stop(milliseconds grace) {
  context_.draining = true;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  const auto sessions = context_.sessions; // drain() may end some
  for (auto* one : sessions)
    if (context_.sessions.contains(one))
      one->drain();
  wait_for_sessions(grace);
}

void http_server::implementation::wait_for_sessions(milliseconds grace) {
  if (context_.sessions.empty()) {
    work_.reset();
    io_.stop();
    return;
  }
  if (grace <= -abort_time) { // nothing should hold a session any more
    log_event(log_level::warn, "sessions_left", {{"count", context_.sessions.size()}});
    io_.stop();
    return;
  }
  if (grace <= milliseconds(0))
    abort_sessions();
  drain_timer_.expires_after(drain_check);
  drain_timer_.async_wait([this, grace](const error_code&) { wait_for_sessions(grace - drain_check); });
}

void http_server::implementation::abort_sessions() {
  const auto sessions = context_.sessions;
  for (auto* one : sessions)
    if (context_.sessions.contains(one))
      one->abort();
}

// ------------------------------------------------------------------------------------------------------------------

result<std::unique_ptr<http_server>> http_server::create(const settings& config, metrics& numbers,
                                                         const time_source& clock) {
  auto keys = load_keys(config.api_key_file);
  if (!keys)
    return forward_error(keys);
  auto admin_keys = load_keys(config.admin_key_file);
  if (!admin_keys)
    return forward_error(admin_keys);
  auto made =
      std::make_unique<implementation>(config, numbers, clock, std::move(*keys), std::move(*admin_keys));
  if (const auto checked = made->check_address(); !checked)
    return forward_error(checked);
  return std::unique_ptr<http_server>(new http_server(std::move(made)));
}

http_server::http_server(std::unique_ptr<implementation> made) : implementation_(std::move(made)) {}

http_server::~http_server() = default;

std::function<void(std::function<void()>)> http_server::executor() const {
  return [gate = implementation_->gate()](std::function<void()> work) { gate->post(std::move(work)); };
}

status http_server::listen(front_door& door) {
  return implementation_->listen(door);
}

uint16_t http_server::port() const {
  return implementation_->port();
}

void http_server::stop(milliseconds grace) {
  implementation_->stop(grace);
}

uint64_t raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 0;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

} // namespace troupe
