#pragma once

#include "kernels/cpu/weight_format.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe {

/// One block of 32 columns as a tile holds it.
struct source_block {
  uint8_t codes[32];       // below 2^bits of tile_traits
  uint16_t scale, minimum; // fp16; the K formats' minimum with its sign turned, so that w has a sum
  uint8_t factors[2];      // of the scale, one for each part of the block; signed where traits say so
  uint8_t minimum_factors[2];
};

/// Bytes of one group of group_blocks(format) blocks in the file.
size_t source_group_bytes(weight_format format);

/// Block `index` of a row of any quantized format. Source: ggml's block formats (ggml-quants.c).
source_block read_block(weight_format format, const std::byte* row, size_t index);

} // namespace troupe
