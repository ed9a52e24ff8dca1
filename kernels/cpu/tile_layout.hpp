#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe {

/// Byte offsets inside one quantized tile of packed_matrix.
struct tile_layout {
  int32_t blocks;
  int32_t code_bytes; // of one block: 512 for q8_0, 256 for q4_0 and q4_1

  size_t scales() const { return static_cast<size_t>(blocks) * static_cast<size_t>(code_bytes); }
  size_t minimums() const { return scales() + static_cast<size_t>(blocks) * 32; }
};

} // namespace troupe
