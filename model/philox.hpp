#pragma once

#include <array>
#include <cstdint>

namespace troupe {

using philox_counter = std::array<uint32_t, 4>;
using philox_key = std::array<uint32_t, 2>;

/// Philox4x32-10: 128 random bits that are a pure function of counter and key.
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
philox_counter philox(philox_counter counter, philox_key key);

/// The 64 bits that choose a token: draw counts the random numbers taken at one position of one choice.
uint64_t sampling_bits(uint64_t seed, uint32_t choice, uint32_t position, uint32_t draw);

} // namespace troupe
