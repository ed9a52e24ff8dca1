#include "memory/crc32c.hpp"

#include <algorithm>
#include <immintrin.h>
#include <isa-l/crc.h>

namespace troupe {

namespace {

/// ISA-L's AVX-512 version returns with the upper halves of the vector registers in use, and every SSE
/// instruction that the thread runs from then on merges with them: sines took ten times as long.
__attribute__((target("avx"))) void clear_upper_halves() {
  _mm256_zeroupper();
}

} // namespace

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
  if (__builtin_cpu_supports("avx"))
    clear_upper_halves();
  return ~sum;
}

} // namespace troupe
