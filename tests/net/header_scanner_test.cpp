#include "net/header_scanner.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace troupe;

namespace {

/// What the scanner says when the bytes come whole, and when they come one by one.
std::string problem_in(std::string_view bytes) {
  header_scanner whole;
  whole.feed(bytes);
  header_scanner single;
  for (const char& c : bytes)
    single.feed({&c, 1});
  CHECK(whole.problem() == single.problem());
  CHECK(whole.done() == single.done());
  CHECK(whole.bytes() == single.bytes());
  return std::string(whole.problem());
}

} // namespace

TEST_CASE("a header ends at its blank line", "[header_scanner]") {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA:\t b \r\n\r\n";
  header_scanner scanner;
  CHECK(scanner.feed(head + "\n\nmore") == head.size());
  CHECK(scanner.done());
  CHECK(scanner.bytes() == head.size());
  CHECK(scanner.problem().empty());
  CHECK(scanner.feed("\n") == 0);
}

TEST_CASE("bytes are counted over all reads", "[header_scanner]") {
  header_scanner scanner;
  scanner.feed("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 1000; ++i)
    scanner.feed("A: b\r\n");
  CHECK(scanner.bytes() == 16 + 6000);
  CHECK_FALSE(scanner.done());
}

TEST_CASE("line ends that others read differently", "[header_scanner]") {
  CHECK(problem_in("GET / HTTP/1.1\r\nA: b\r\n\r\n").empty());
  CHECK(problem_in("GET / HTTP/1.1\nHost: x\n\n") == "an LF without its CR");
  CHECK(problem_in("GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n") == "an LF without its CR");
  CHECK(problem_in("GET / HTTP/1.1\r\nA: b\r\n\n") == "an LF without its CR");
  CHECK(problem_in("GET / HTTP/1.1\rA: b\r\n\r\n") == "a CR without its LF");
  CHECK(problem_in("GET / HTTP/1.1\r\nA: b\r\r\n\r\n") == "a CR without its LF");
  CHECK(problem_in("GET / HTTP/1.1\r\nA: b\r\n\rX") == "a CR without its LF");
  CHECK(problem_in("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n") == "a folded line");
  CHECK(problem_in("GET / HTTP/1.1\r\nA:\r\n\tc\r\n\r\n") == "a folded line");
  CHECK(problem_in("GET / HTTP/1.1\r\n A: b\r\n\r\n") == "a folded line");
  CHECK(problem_in(std::string_view("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 26)) == "a NUL");
}
