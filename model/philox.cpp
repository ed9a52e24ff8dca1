#include "model/philox.hpp"

namespace troupe {

namespace {

constexpr int round_count = 10;
constexpr uint64_t multiplier_0 = 0xD2511F53;
constexpr uint64_t multiplier_1 = 0xCD9E8D57;
constexpr uint32_t key_step_0 = 0x9E3779B9; // golden ratio
constexpr uint32_t key_step_1 = 0xBB67AE85; // sqrt(3) - 1

} // namespace

philox_counter philox(philox_counter counter, philox_key key) {
  for (int round = 0; round < round_count; ++round) {
    const uint64_t product_0 = multiplier_0 * counter[0];
    const uint64_t product_1 = multiplier_1 * counter[2];
    counter = {static_cast<uint32_t>(product_1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product_1),
               static_cast<uint32_t>(product_0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product_0)};
    key[0] += key_step_0;
    key[1] += key_step_1;
  }
  return counter;
}

uint64_t sampling_bits(uint64_t seed, uint32_t choice, uint32_t position, uint32_t draw) {
  const philox_counter random =
      philox({position, draw, choice, 0}, {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return (uint64_t{random[1]} << 32) | random[0];
}

} // namespace troupe
