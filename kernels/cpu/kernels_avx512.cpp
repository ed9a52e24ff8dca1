// g++ 12 sees uninitialized registers in its own AVX-512 intrinsics (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "kernels/cpu/body/avx512_dot.hpp"
#include "kernels/cpu/body/float_linear.hpp"
#include "kernels/cpu/body/paged_attention.hpp"
#include "kernels/cpu/body/row_kernels.hpp"
#include "kernels/cpu/lanes/avx512_lanes.hpp"

namespace troupe {

namespace {

void linear_any(const linear_task& task) {
  switch (task.format) {
  case weight_format::f32:
    return float_linear<avx512_lanes, weight_format::f32>(task);
  case weight_format::f16:
    return float_linear<avx512_lanes, weight_format::f16>(task);
  case weight_format::bf16:
    return float_linear<avx512_lanes, weight_format::bf16>(task);
  case weight_format::q8_0:
    return avx512_dot<weight_format::q8_0>(task);
  case weight_format::q4_0:
    return avx512_dot<weight_format::q4_0>(task);
  case weight_format::q4_1:
    return avx512_dot<weight_format::q4_1>(task);
  case weight_format::q5_0:
    return avx512_dot<weight_format::q5_0>(task);
  case weight_format::q5_1:
    return avx512_dot<weight_format::q5_1>(task);
  case weight_format::iq4_nl:
    return avx512_dot<weight_format::iq4_nl>(task);
  case weight_format::q2_k:
    return avx512_dot<weight_format::q2_k>(task);
  case weight_format::q3_k:
    return avx512_dot<weight_format::q3_k>(task);
  case weight_format::q4_k:
    return avx512_dot<weight_format::q4_k>(task);
  case weight_format::q5_k:
    return avx512_dot<weight_format::q5_k>(task);
  case weight_format::q6_k:
    return avx512_dot<weight_format::q6_k>(task);
  }
}

} // namespace

const kernel_table& avx512_kernels() {
  static constexpr kernel_table table{.rms_norm = rms_norm_rows<avx512_lanes>,
                                      .quantize_rows = quantize_all_rows<avx512_lanes>,
                                      .rope = rope_rows<avx512_lanes>,
                                      .silu_multiply = silu_multiply_rows<avx512_lanes>,
                                      .gelu_multiply = gelu_multiply_rows<avx512_lanes>,
                                      .linear = linear_any,
                                      .append_kv = append_token<avx512_lanes>,
                                      .attention = paged_attention<avx512_lanes>};
  return table;
}

} // namespace troupe
