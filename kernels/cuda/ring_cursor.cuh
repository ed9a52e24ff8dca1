#pragma once

#include <cstdint>

namespace troupe::cuda {

/// A place in the ring and how often it came round.
struct ring_cursor {
  int32_t stage = 0;
  uint32_t parity = 0;

  __device__ void advance(int32_t stages) {
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

} // namespace troupe::cuda
