#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace troupe {

/// CRC-32C (Castagnoli, RFC 3720 B.4) of some bytes, by ISA-L with the instructions that this machine has.
/// `before` is the sum of what precedes them: crc32c(b, crc32c(a)) is the sum of a and b together.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before = 0);

} // namespace troupe
