#include "net/frame_watch.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace troupe;

namespace {

std::span<const unsigned char> bytes_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

/// A masked frame, all zeros behind its header.
std::string frame_of(unsigned char first, size_t length) {
  std::string frame(1, static_cast<char>(first));
  if (length < 126) {
    frame += static_cast<char>(0x80 | length);
  } else if (length < 65536) {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(length >> 8);
    frame += static_cast<char>(length & 0xff);
  } else {
    frame += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8)
      frame += static_cast<char>(static_cast<uint64_t>(length) >> shift & 0xff);
  }
  return frame + std::string(4 + length, '\0');
}

} // namespace

TEST_CASE("a frame is open until its last byte", "[frame_watch]") {
  const size_t length =
      GENERATE(size_t{0}, size_t{1}, size_t{125}, size_t{126}, size_t{65535}, size_t{65536});
  const auto frame = frame_of(0x81, length);
  frame_watch watch;
  CHECK_FALSE(watch.open());
  for (size_t i = 0; i + 1 < frame.size(); ++i) {
    CHECK_FALSE(watch.see(bytes_of(frame.substr(i, 1))));
    REQUIRE(watch.open());
  }
  CHECK(watch.see(bytes_of(frame.substr(frame.size() - 1))));
  CHECK_FALSE(watch.open());
  CHECK(watch.payload() == length);
  CHECK(watch.see(bytes_of(frame + frame)));
  CHECK_FALSE(watch.open());
  CHECK(watch.payload() == 3 * length);
}

TEST_CASE("a message is open until its last fragment", "[frame_watch]") {
  frame_watch watch;
  watch.see(bytes_of(frame_of(0x01, 3)));
  CHECK(watch.open());
  CHECK_FALSE(watch.see(bytes_of(frame_of(0x89, 5)))); // a ping between them
  CHECK(watch.open());
  watch.see(bytes_of(frame_of(0x00, 0)));
  CHECK(watch.open());
  CHECK(watch.see(bytes_of(frame_of(0x80, 0))));
  CHECK_FALSE(watch.open());
}

TEST_CASE("what is open at the end may be another message", "[frame_watch]") {
  frame_watch watch;
  CHECK_FALSE(watch.see(bytes_of(frame_of(0x81, 100).substr(0, 50))));
  CHECK(watch.see(bytes_of(std::string(56, '\0') + frame_of(0x81, 100).substr(0, 50))));
  CHECK(watch.open());
}

TEST_CASE("lengths that lie do no harm", "[frame_watch]") {
  frame_watch watch;
  watch.see(bytes_of("\x81\xff" + std::string(8, '\xff') + std::string(4, '\0') + "x"));
  CHECK(watch.open());
  CHECK(watch.payload() == 1);
}
