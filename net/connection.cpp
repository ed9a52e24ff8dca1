#include "net/connection.hpp"

#include "net/exchange.hpp"
#include "net/request_reader.hpp"
#include "net/websocket_handshake.hpp"
#include "net/websocket_session.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"

#include <exception>

namespace troupe {

namespace {

constexpr size_t logged_path_max = 256;

} // namespace

connection::connection(server_context& context, tcp_socket socket)
    : context_(context),
      socket_(std::make_shared<client_socket>(std::move(socket),
                                              milliseconds(context.config.unsent_timeout_ms),
                                              static_cast<size_t>(context.config.header_bytes_max))) {
  context_.add(this);
}

connection::~connection() {
  context_.remove(this);
}

void connection::start(server_context& context, tcp_socket socket) {
  const auto executor = socket.get_executor();
  auto self = std::make_shared<connection>(context, std::move(socket));
  auto work = [self]() -> awaitable<void> { return self->run(); };
  asio::co_spawn(executor, std::move(work), [self](std::exception_ptr thrown) {
    self->socket_->close();
    if (!thrown)
      return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& problem) {
      log_event(log_level::error, "connection_broken", {{"reason", problem.what()}});
    }
  });
}

awaitable<void> connection::run() {
  next then = next::request;
  for (bool first = true; then == next::request; first = false)
    then = co_await serve(first);
  if (then == next::lingering_close)
    co_await socket_->linger();
  socket_->close();
}

awaitable<connection::next> connection::serve(bool first) {
  if (draining_)
    co_return next::close;
  request_reader reader(*socket_, context_);
  idle_ = true;
  const auto header = co_await reader.read_header(first);
  idle_ = false;
  if (header == request_reader::outcome::closed)
    co_return next::close;
  const auto begun = context_.clock.now();
  const auto bytes_before = socket_->bytes_written();
  auto& request = reader.request();
  const auto request_id = request_id_of(request);
  body_budget budget(context_);
  exchange one(context_, *socket_, request, budget, request_id);
  std::optional<http_answer> refusal;
  if (header == request_reader::outcome::refused)
    refusal = reader.problem();
  else
    refusal = one.refusal();
  const bool websocket = !refusal && one.wants_websocket();
  if (websocket)
    refusal = handshake_problem(request, socket_->buffer().size() > 0);
  if (websocket && !refusal) {
    start_websocket(context_, std::move(socket_->raw()), std::move(request), request_id);
    co_return next::close;
  }
  if (refusal && request.has_body)
    refusal->close = true;
  if (!refusal && request.has_body) {
    if (equal_ignoring_case(request.header("expect"), "100-continue") && socket_->buffer().size() == 0)
      co_await socket_->write("HTTP/1.1 100 Continue\r\n\r\n");
    const auto body = co_await reader.read_body(budget);
    if (body == request_reader::outcome::closed)
      co_return next::close;
    if (body == request_reader::outcome::refused)
      refusal = reader.problem();
  }
  const auto then = co_await answer(one, std::move(refusal));
  log(request, request_id, one, begun, socket_->bytes_written() - bytes_before);
  co_return then;
}

awaitable<connection::next> connection::answer(exchange& one, std::optional<http_answer> refusal) {
  bool go_on = false;
  if (refusal)
    go_on = co_await one.send(std::move(*refusal));
  else
    go_on = co_await one.run();
  if (socket_->gone())
    co_return next::close;
  co_return go_on ? next::request : next::lingering_close;
}

void connection::log(const http_request& request, const std::string& request_id, const exchange& one,
                     steady_time begun, uint64_t bytes) const {
  const auto path = std::string_view(request.target).substr(0, request.target.find('?'));
  const std::chrono::duration<double, std::milli> taken = context_.clock.now() - begun;
  context_.counts.count_http_request(path, one.code());
  log_event(log_level::info, "http_answered",
            {{"request", request_id},
             {"method", request.method},
             {"path", path.substr(0, logged_path_max)},
             {"status", one.code()},
             {"bytes", bytes},
             {"ms", taken.count()},
             {"response", one.response_id()},
             {"client_gone", socket_->gone()}});
}

void connection::drain() {
  draining_ = true;
  if (idle_)
    socket_->abort();
}

void connection::abort() {
  socket_->abort();
}

} // namespace troupe
