// Any bytes as what a client sends on a new connection: the request reader, without a network.
#include "net/header_scanner.hpp"
#include "net/request_reader.hpp"
#include "net/websocket_handshake.hpp"
#include "observe/metrics.hpp"
#include "tests/fuzz/expect.hpp"

#include <cstring>

using namespace troupe;
using namespace troupe::test;

namespace {

settings small_limits() {
  settings values;
  values.header_bytes_max = 2048;
  values.body_bytes_max = 4096;
  return values;
}

struct heard {
  request_reader::outcome outcome = request_reader::outcome::closed;
  bool header = false, done = false;
};

awaitable<void> read(request_reader& reader, server_context& context, heard& out) {
  out.outcome = co_await reader.read_header(true);
  out.header = out.outcome == request_reader::outcome::complete;
  if (out.header) {
    body_budget budget(context);
    out.outcome = co_await reader.read_body(budget);
  }
  out.done = true;
}

/// What the scanner says must not hang on how the bytes come.
void check_scanner(std::string_view text, size_t piece) {
  header_scanner whole, cut;
  const size_t taken = whole.feed(text);
  size_t sum = 0;
  for (size_t at = 0; at < text.size(); at += piece) {
    const auto part = text.substr(at, piece);
    const size_t of_part = cut.feed(part);
    sum += of_part;
    if (of_part < part.size())
      break;
  }
  expect(sum == taken && whole.done() == cut.done() && whole.problem() == cut.problem() &&
             whole.bytes() == taken,
         "a header means the same however it is cut");
}

void check_request(const http_request& request) {
  expect(!request.method.empty() && !request.target.empty(), "a request has a method and a target");
  for (const auto& [name, value] : request.headers) {
    expect(!name.empty(), "a field has a name");
    expect(value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos, "a field is one line", value);
  }
  const auto id = request_id_of(request);
  expect(!id.empty() && id.size() <= 128, "a request has an id");
  content_coding_of(request);
  same_origin(request);
  if (request.upgrade)
    handshake_problem(request, false);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const settings limits = small_limits();
  static metrics numbers("fuzz");
  static server_context context(limits, numbers, system_clock(), {});
  static asio::io_context io;
  if (size < 1 || size > 16'384)
    return 0;
  const auto text = text_of(data + 1, size - 1);
  check_scanner(text, 1 + data[0]);

  heard got;
  {
    // A socket that was never opened: reads past what is in the buffer fail, as after a client went away.
    const auto socket = std::make_shared<client_socket>(tcp_socket(io), milliseconds(1000), 32'768);
    const auto space = socket->buffer().prepare(text.size());
    std::memcpy(space.data(), text.data(), text.size());
    socket->buffer().commit(text.size());
    request_reader reader(*socket, context);
    asio::co_spawn(io, read(reader, context, got),
                   [](std::exception_ptr thrown) { expect(thrown == nullptr, "the reader throws nothing"); });
    io.restart();
    for (int turns = 0; turns < 100 && !got.done; ++turns)
      io.poll();
    expect(got.done, "the reader comes to an end");
    if (got.header)
      check_request(reader.request());
    if (got.outcome == request_reader::outcome::complete)
      expect(reader.request().body.size() <= 4096, "a body stays in its bound");
    if (got.outcome == request_reader::outcome::refused)
      expect(!reader.problem().body.empty(), "a refusal says why");
  }
  expect(context.body_bytes == 0, "no budget is kept");
  io.restart();
  io.poll(); // what the socket's end left to do
  return 0;
}
