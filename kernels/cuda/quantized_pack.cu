#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/quantized_cell.cuh"
#include "kernels/cuda/quantized_pack.hpp"

namespace troupe::cuda {

namespace {

constexpr int32_t threads = 256;

/// A lane's place: one of 32 in a quarter of a cell.
struct lane_place {
  int64_t cell;
  int32_t quarter, lane, row, column; // column: of the quarter's first
};

__device__ bool find_place(int32_t n, int32_t k, lane_place& at) {
  int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x, quarter = i / 32;
  int32_t cells = (k + cell_columns - 1) / cell_columns;
  at.cell = quarter / 4;
  at.quarter = int32_t(quarter % 4);
  at.lane = int32_t(i % 32);
  at.row = int32_t(at.cell / cells) * cell_rows + at.lane / 4;
  at.column = int32_t(at.cell % cells) * cell_columns + at.quarter * 64;
  return at.row - at.lane / 4 < n;
}

/// Of the 16 columns of a step, the j-th that a lane holds.
__device__ int32_t column_of(const lane_place& at, int32_t j) {
  return at.lane % 4 * 2 + j % 2 + j / 2 * 8;
}

__device__ uint32_t read_half(const uint8_t* bytes) {
  return bytes[0] | uint32_t(bytes[1]) << 8;
}

__device__ void pack_q4_1(const uint8_t* row, const lane_place& at, uint8_t* cell) {
  int32_t c = at.lane % 4;
  for (int32_t b = 0; b < 2; ++b) {
    const uint8_t* block = row + (at.column / 32 + b) * 20;
    uint32_t word = 0; // GGUF pairs columns 16 apart too
    for (int32_t j = 0; j < 4; ++j)
      word |= uint32_t(block[4 + column_of(at, j)]) << (8 * j);
    reinterpret_cast<uint32_t*>(cell + at.quarter * 256 + at.lane * 8)[b] = word;
    if (c == 0)
      reinterpret_cast<uint32_t*>(cell + 1024 + at.quarter * 64 + at.lane / 4 * 8)[b] =
          read_half(block) | read_half(block + 2) << 16;
  }
}

__device__ void pack_q4_k(const uint8_t* row, const lane_place& at, uint8_t* cell) {
  const uint8_t* block = row + at.column / 256 * 144;
  const uint8_t *scales = block + 4, *quants = block + 16 + at.quarter * 32;
  int32_t c = at.lane % 4;
  uint32_t words[2] = {}, both = 0;
  for (int32_t b = 0; b < 2; ++b) {
    for (int32_t j = 0; j < 4; ++j) {
      uint32_t first = quants[column_of(at, j)] >> (4 * b) & 15,
               second = quants[16 + column_of(at, j)] >> (4 * b) & 15;
      words[b] |= (first | second << 4) << (8 * j);
    }
    int32_t i = at.quarter * 2 + b; // six bits of scale and minimum, eight of each in twelve bytes
    uint32_t s = i < 4 ? scales[i] & 63u : (scales[i + 4] & 15u) | uint32_t(scales[i - 4] >> 6) << 4;
    uint32_t t = i < 4 ? scales[i + 4] & 63u : uint32_t(scales[i + 4] >> 4) | uint32_t(scales[i] >> 6) << 4;
    both |= (s | t << 8) << (16 * b);
  }
  *reinterpret_cast<uint2*>(cell + at.quarter * 256 + at.lane * 8) = {words[0], words[1]};
  if (c == 0)
    *reinterpret_cast<uint32_t*>(cell + 1024 + at.quarter * 32 + at.lane / 4 * 4) = both;
  if (c == 0 && at.quarter == 0)
    *reinterpret_cast<uint32_t*>(cell + 1024 + 128 + at.lane / 4 * 4) =
        read_half(block) | read_half(block + 2) << 16;
}

__device__ void pack_q8_0(const uint8_t* row, const lane_place& at, uint8_t* cell) {
  int32_t c = at.lane % 4;
  for (int32_t step = 0; step < 4; ++step) {
    const uint8_t* block = row + (at.column / 32 + step / 2) * 34;
    uint32_t word = 0;
    for (int32_t j = 0; j < 4; ++j)
      word |= uint32_t(block[2 + step % 2 * 16 + column_of(at, j)]) << (8 * j);
    reinterpret_cast<uint32_t*>(cell + at.quarter * 512 + at.lane * 16)[step] = word;
    if (c == 0 && step % 2 == 0)
      reinterpret_cast<uint16_t*>(cell + 2048 + at.quarter * 32 + at.lane / 4 * 4)[step / 2] =
          uint16_t(read_half(block));
  }
}

/// Past k. Not for q4_k, whose columns fill cells.
template <weight_format Format>
__device__ void clear_quarter(const lane_place& at, uint8_t* cell) {
  constexpr bool bytes = Format == weight_format::q8_0;
  auto* words = reinterpret_cast<uint32_t*>(cell + (at.quarter * 32 + at.lane) * (bytes ? 16 : 8));
  for (int32_t i = 0; i < (bytes ? 4 : 2); ++i)
    words[i] = 0;
  if (at.lane % 4 == 0) {
    auto* scales = cell + (bytes ? 2048 : 1024) + (at.quarter * 8 + at.lane / 4) * (bytes ? 4 : 8);
    for (int32_t i = 0; i < (bytes ? 1 : 2); ++i)
      reinterpret_cast<uint32_t*>(scales)[i] = 0;
  }
}

template <weight_format Format>
__global__ void __launch_bounds__(threads) pack_kernel(pack_params params) {
  let_next_kernel_start();
  wait_for_previous_kernels();
  lane_place at;
  if (!find_place(params.n, params.k, at))
    return;
  constexpr int32_t weights = gguf_weights_of<Format>, bytes = gguf_bytes_of<Format>;
  const uint8_t* row = params.blocks + int64_t(at.row) * (params.k / weights) * bytes;
  uint8_t* cell = static_cast<uint8_t*>(params.packed) + at.cell * cell_bytes_of<Format>;
  if (at.column >= params.k)
    clear_quarter<Format>(at, cell);
  else if constexpr (Format == weight_format::q4_1)
    pack_q4_1(row, at, cell);
  else if constexpr (Format == weight_format::q4_k)
    pack_q4_k(row, at, cell);
  else
    pack_q8_0(row, at, cell);
}

template <weight_format Format>
__global__ void __launch_bounds__(threads) dequantize_kernel(dequantize_params params) {
  let_next_kernel_start();
  wait_for_previous_kernels();
  lane_place at;
  if (!find_place(params.n, params.k, at) || at.column >= params.k)
    return;
  typename quarter_of<Format>::type quarter;
  quarter.load(static_cast<const uint8_t*>(params.packed) + at.cell * cell_bytes_of<Format>, at.quarter,
               at.lane);
  uint32_t b[4][2];
  quarter.template decode<0>(b[0]);
  quarter.template decode<1>(b[1]);
  quarter.template decode<2>(b[2]);
  quarter.template decode<3>(b[3]);
  auto* out = reinterpret_cast<__nv_bfloat16*>(params.output) + int64_t(at.row) * params.k + at.column +
              at.lane % 4 * 2;
#pragma unroll
  for (int32_t step = 0; step < 4; ++step) {
    *reinterpret_cast<uint32_t*>(out + step * 16) = b[step][0];
    *reinterpret_cast<uint32_t*>(out + step * 16 + 8) = b[step][1];
  }
}

launch_status check(weight_format format, int32_t n, int32_t k) {
  TROUPE_CUDA_RANGE(int32_t(format), 1, 3);
  TROUPE_CUDA_RANGE(n, cell_rows, 1 << 24);
  TROUPE_CUDA_MULTIPLE(n, cell_rows);
  TROUPE_CUDA_RANGE(k, 64, 1 << 24);
  TROUPE_CUDA_MULTIPLE(k, format == weight_format::q4_k ? 256 : 64);
  return launch_status::ok;
}

launch_shape lanes_of(int32_t n, int32_t k) {
  int64_t lanes = int64_t(n / cell_rows) * cells_of(k) * 4 * 32;
  return {dim3(unsigned((lanes + threads - 1) / threads)), dim3(threads)};
}

} // namespace

launch_status pack_quantized(const pack_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.blocks, 1);
  TROUPE_CUDA_POINTER(params.packed, 16);
  if (auto s = check(params.format, params.n, params.k); s != launch_status::ok)
    return s;
  auto shape = lanes_of(params.n, params.k);
  switch (params.format) {
  case weight_format::q4_1:
    return launch(pack_kernel<weight_format::q4_1>, shape, stream, params);
  case weight_format::q4_k:
    return launch(pack_kernel<weight_format::q4_k>, shape, stream, params);
  default:
    return launch(pack_kernel<weight_format::q8_0>, shape, stream, params);
  }
}

launch_status dequantize(const dequantize_params& params, const gpu_stream& stream) {
  TROUPE_CUDA_POINTER(params.packed, 16);
  TROUPE_CUDA_POINTER(params.output, 16);
  if (auto s = check(params.format, params.n, params.k); s != launch_status::ok)
    return s;
  auto shape = lanes_of(params.n, params.k);
  switch (params.format) {
  case weight_format::q4_1:
    return launch(dequantize_kernel<weight_format::q4_1>, shape, stream, params);
  case weight_format::q4_k:
    return launch(dequantize_kernel<weight_format::q4_k>, shape, stream, params);
  default:
    return launch(dequantize_kernel<weight_format::q8_0>, shape, stream, params);
  }
}

} // namespace troupe::cuda
