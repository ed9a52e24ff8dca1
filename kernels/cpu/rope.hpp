#pragma once

#include "base/result.hpp"
#include "kernels/cpu/aligned_buffer.hpp"
#include "kernels/cpu/cpu_stream.hpp"

#include <cstdint>
#include <span>

namespace troupe {

/// Cosines and sines of rotary embedding, computed in double and rounded once.
/// [positions, 2, head_dim] fp32: cosines, each twice; then sines, each as -s, +s.
/// The angle of pair i at position p is p * base^(-2i / head_dim) / divisors[i]; without divisors they count
/// as
/// 1. Source: Su et al. 2021, equation 15; divisors: Llama 3.1's rope_freqs, and linear scaling.
aligned_buffer make_rope_table(int32_t positions, int32_t head_dim, double base,
                               std::span<const double> divisors = {});

/// Rotates neighbouring elements of each head in place (llama.cpp's "norm" pairs, as GGUF stores Llama
/// weights):
///   x'(2i) = fma(x(2i), c, -(x(2i+1) * s)); x'(2i+1) = fma(x(2i+1), c, x(2i) * s).
struct rope_params {
  float* rows;                     // [tokens, heads * head_dim]
  const int32_t* positions;        // [tokens], each in [0, table_positions)
  const float* table;              // make_rope_table
  int32_t tokens, heads, head_dim; // head_dim: a multiple of 16
  int32_t table_positions;
};

/// Errors: shape_mismatch.
status rope(const rope_params& params, const cpu_stream& stream);

} // namespace troupe
