#pragma once

#include <cstdint>

namespace troupe::cuda {

/// bfloat16 as its bits, so that host code needs no CUDA header.
struct bf16 {
  uint16_t bits;
};

} // namespace troupe::cuda
