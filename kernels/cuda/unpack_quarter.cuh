#pragma once

#include "kernels/cuda/quantized_cell.cuh"

namespace troupe::cuda {

/// A quarter of a cell in device memory, unpacked by a whole warp and rounded to bf16. Lane 4 g + c gets, of
/// row g, columns 16 s + 2 c and + 1 of the quarter in pairs[s][0], those 8 further in pairs[s][1].
template <weight_format Format>
__device__ inline void unpack_quarter(const uint8_t* address, int32_t at, int32_t lane,
                                      uint32_t (&pairs)[4][2]) {
  cell_in_global cell{address};
  typename quarter_of<Format>::type quarter;
  quarter.load(cell, 0, lane, quarter);
  if (at > 0)
    quarter.load(cell, at, lane, quarter);
  quarter_scales scales({0, 0});
  quarter.get_scales(diagonal_place(lane, 0), scales);
  float parts[4][4];
  quarter.template unpack<0>(parts[0], scales);
  quarter.template unpack<1>(parts[1], scales);
  quarter.template unpack<2>(parts[2], scales);
  quarter.template unpack<3>(parts[3], scales);
  uint32_t steps[4][4];
  round_part<0>(parts[0], steps, 0);
  round_part<1>(parts[1], steps, 0);
  round_part<2>(parts[2], steps, 0);
  round_part<3>(parts[3], steps, 0);
#pragma unroll
  for (int32_t step = 0; step < 4; ++step) {
    pairs[step][0] = steps[step][0];
    pairs[step][1] = steps[step][2];
  }
}

} // namespace troupe::cuda
