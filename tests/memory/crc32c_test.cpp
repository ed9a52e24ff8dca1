#include "memory/crc32c.hpp"

#include <catch2/catch.hpp>

#include <string_view>
#include <vector>

using namespace troupe;

namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

} // namespace

TEST_CASE("CRC-32C of known texts") {
  CHECK(crc32c({}) == 0);
  CHECK(crc32c(bytes("123456789")) == 0xe3069283); // the polynomial's check value
  // RFC 3720, B.4: 32 bytes of zeros, of ones, ascending.
  CHECK(crc32c(std::vector<std::byte>(32, std::byte{0})) == 0x8a9136aa);
  CHECK(crc32c(std::vector<std::byte>(32, std::byte{0xff})) == 0x62a8ab43);
  std::vector<std::byte> ascending;
  for (int i = 0; i < 32; ++i)
    ascending.push_back(static_cast<std::byte>(i));
  CHECK(crc32c(ascending) == 0x46dd794e);
}

TEST_CASE("a sum goes on where another ended") {
  const std::string_view text = "the quick brown fox jumps over the lazy dog, many times and at any border";
  for (size_t cut = 0; cut <= text.size(); ++cut)
    CHECK(crc32c(bytes(text.substr(cut)), crc32c(bytes(text.substr(0, cut)))) == crc32c(bytes(text)));
}
