#include "model/philox.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

// Random123 1.09, tests/kat_vectors, "philox4x32 10".
TEST_CASE("philox gives the published answers") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == philox_counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint32_t ones = 0xffffffff;
  CHECK(philox({ones, ones, ones, ones}, {ones, ones}) ==
        philox_counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        philox_counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("sampling bits depend on each of seed, choice, position and draw") {
  const uint64_t base = sampling_bits(1, 2, 3, 4);
  CHECK(base == sampling_bits(1, 2, 3, 4));
  CHECK(base != sampling_bits(2, 2, 3, 4));
  CHECK(base != sampling_bits(1ull + (1ull << 32), 2, 3, 4));
  CHECK(base != sampling_bits(1, 3, 3, 4));
  CHECK(base != sampling_bits(1, 2, 4, 4));
  CHECK(base != sampling_bits(1, 2, 3, 5));
}
