#include "memory/crc32c.hpp"

#include <algorithm>
#include <isa-l/crc.h>

namespace troupe {

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before) {
  constexpr size_t piece_max = size_t{1} << 30; // ISA-L counts in int
  uint32_t sum = ~before;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), piece_max));
    // ISA-L's signature lacks a const; it only reads.
    sum = crc32_iscsi(const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(piece.data())),
                      static_cast<int>(piece.size()), sum);
    bytes = bytes.subspan(piece.size());
  }
  return ~sum;
}

} // namespace troupe
