#pragma once

#include "base/result.hpp"
#include "kernels/cpu/cpu_stream.hpp"
#include "kernels/cpu/packed_matrix.hpp"
#include "kernels/cpu/quantize_rows.hpp"

#include <cstdint>
#include <span>

namespace troupe {

/// output = input * transposed weights (+ output). One accumulator per output, columns ascending:
///   f32, f16, bf16: acc = fma(x, w, acc) for each column;
///   quantized: acc = fma(float(isum), d_w * d_x, acc) for each block, isum the exact integer product;
///   with a minimum (q4_1, q5_1, q2_k, q4_k, q5_k): then acc = fma(m_w, sum_x, acc), sum_x = d_x * sum of q;
///   with a scale for each 16 columns (q2_k, q3_k, q6_k): both for the first half, then for the second.
/// In the K formats d_w is d * sc and m_w is -dmin * n, exact in fp32.
/// With add, the finished accumulator is added to what output holds.
struct linear_params {
  const packed_matrix* weights; // [rows, columns]
  const float* input;           // [tokens, columns] for f32, f16 and bf16 weights, else null
  quantized_rows codes;         // of the same shape for quantized weights
  float* output;                // [tokens, rows]
  int32_t tokens, columns, rows;
  bool add = false;
};

/// Errors: shape_mismatch.
status linear(const linear_params& params, const cpu_stream& stream);

/// Several products over the same tokens in one go, which spares threads a meeting. At most 8.
status linear_group(std::span<const linear_params> group, const cpu_stream& stream);

} // namespace troupe
