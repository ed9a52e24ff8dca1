#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/quantized_pack.hpp"
#include "kernels/cuda/unpack_quarter.cuh"

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

__device__ uint32_t read_half(const uint8_t* bytes) {
  return bytes[0] | uint32_t(bytes[1]) << 8;
}

/// A row's blocks. A lane packs weights of rows 2 c and 2 c + 1 of its granule, and row g's scales
/// (kernels/cuda/quantized_cell.cuh).
template <weight_format Format>
struct row_blocks {
  const uint8_t* first; // of the granule's first row
  int64_t row_bytes;

  __device__ const uint8_t* row(int32_t i) const { return first + i * row_bytes; }
  /// The block of a row that holds a column.
  __device__ const uint8_t* at(int32_t i, int32_t column) const {
    return row(i) + column / gguf_weights_of<Format> * gguf_bytes_of<Format>;
  }
};

__device__ void pack(const row_blocks<weight_format::q4_1>& rows, const lane_place& at, uint8_t* cell) {
  int32_t c = at.lane % 4, g = at.lane / 4;
  for (int32_t b = 0; b < 2; ++b) {
    uint32_t word = 0;
    for (int32_t i = 0; i < 2; ++i) {
      const uint8_t* quants = rows.at(2 * c + i, at.column + b * 32) + 4;
      uint32_t near = quants[g], far = quants[8 + g]; // columns g and 16 + g, 8 + g and 24 + g
      word |= ((near & 15) | (far & 15) << 4 | near >> 4 << 8 | far >> 4 << 12) << (16 * i);
    }
    reinterpret_cast<uint32_t*>(cell + at.quarter * 256 + at.lane * 8)[b] = word;
    const uint8_t* scales = rows.at(g, at.column + b * 32);
    if (c == 0)
      reinterpret_cast<uint32_t*>(cell + 1024 + at.quarter * 64 + g * 8)[b] =
          read_half(scales) | read_half(scales + 2) << 16;
  }
}

__device__ void pack(const row_blocks<weight_format::q4_k>& rows, const lane_place& at, uint8_t* cell) {
  int32_t c = at.lane % 4, g = at.lane / 4;
  for (int32_t b = 0; b < 2; ++b) {
    uint32_t word = 0;
    for (int32_t i = 0; i < 2; ++i)
      for (int32_t h = 0; h < 4; ++h)
        word |= (uint32_t(rows.at(2 * c + i, at.column)[16 + at.quarter * 32 + 8 * h + g]) >> (4 * b) & 15)
                << (16 * i + 4 * h);
    reinterpret_cast<uint32_t*>(cell + at.quarter * 256 + at.lane * 8)[b] = word;
  }
  if (c != 0)
    return;
  const uint8_t *block = rows.at(g, at.column), *scales = block + 4;
  for (int32_t b = 0; b < 2; ++b) {
    int32_t i = at.quarter * 2 + b; // six bits of scale and minimum, eight of each in twelve bytes
    uint8_t* to = cell + 1024 + at.quarter * 32;
    to[g / 2 * 4 + b * 2 + g % 2] =
        uint8_t(i < 4 ? scales[i] & 63u : (scales[i + 4] & 15u) | uint32_t(scales[i - 4] >> 6) << 4);
    to[16 + g * 2 + b] =
        uint8_t(i < 4 ? scales[i + 4] & 63u : uint32_t(scales[i + 4] >> 4) | uint32_t(scales[i] >> 6) << 4);
  }
  if (at.quarter == 0)
    *reinterpret_cast<uint32_t*>(cell + 1024 + 128 + g * 4) = read_half(block) | read_half(block + 2) << 16;
}

__device__ void pack(const row_blocks<weight_format::q8_0>& rows, const lane_place& at, uint8_t* cell) {
  int32_t c = at.lane % 4, g = at.lane / 4;
  for (int32_t h = 0; h < 4; ++h) {
    uint32_t word = 0;
    for (int32_t j = 0; j < 4; ++j)
      word |= uint32_t(rows.at(2 * c + j % 2, at.column + j / 2 * 32)[2 + 8 * h + g] ^ 0x80) << (8 * j);
    reinterpret_cast<uint32_t*>(cell + at.quarter * 512 + at.lane * 16)[h] = word;
  }
  if (c == 0)
    *reinterpret_cast<uint32_t*>(cell + 2048 + at.quarter * 32 + g * 4) =
        read_half(rows.at(g, at.column)) | read_half(rows.at(g, at.column + 32)) << 16;
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
  int64_t row_bytes = int64_t(params.k / gguf_weights_of<Format>) * gguf_bytes_of<Format>;
  row_blocks<Format> rows{params.blocks + (at.row - at.lane / 4) * row_bytes, row_bytes};
  uint8_t* cell = static_cast<uint8_t*>(params.packed) + at.cell * cell_bytes_of<Format>;
  if (at.column >= params.k)
    clear_quarter<Format>(at, cell);
  else
    pack(rows, at, cell);
}

template <weight_format Format>
__global__ void __launch_bounds__(threads) dequantize_kernel(dequantize_params params) {
  let_next_kernel_start();
  wait_for_previous_kernels();
  lane_place at;
  if (!find_place(params.n, params.k, at) || at.column >= params.k)
    return;
  uint32_t pairs[4][2];
  unpack_quarter<Format>(static_cast<const uint8_t*>(params.packed) + at.cell * cell_bytes_of<Format>,
                         at.quarter, at.lane, pairs);
  auto* out = reinterpret_cast<__nv_bfloat16*>(params.output) + int64_t(at.row) * params.k + at.column +
              at.lane % 4 * 2;
#pragma unroll
  for (int32_t step = 0; step < 4; ++step) {
    *reinterpret_cast<uint32_t*>(out + step * 16) = pairs[step][0];
    *reinterpret_cast<uint32_t*>(out + step * 16 + 8) = pairs[step][1];
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
