#include "kernels/cpu/body/avx2_dot.hpp"
#include "kernels/cpu/body/float_linear.hpp"
#include "kernels/cpu/body/paged_attention.hpp"
#include "kernels/cpu/body/row_kernels.hpp"
#include "kernels/cpu/lanes/avx2_lanes.hpp"

namespace troupe {

namespace {

void linear_any(const linear_task& task) {
  switch (task.format) {
  case weight_format::f32:
    return float_linear<avx2_lanes, weight_format::f32>(task);
  case weight_format::f16:
    return float_linear<avx2_lanes, weight_format::f16>(task);
  case weight_format::bf16:
    return float_linear<avx2_lanes, weight_format::bf16>(task);
  case weight_format::q8_0:
    return avx2_dot<weight_format::q8_0>(task);
  case weight_format::q4_0:
    return avx2_dot<weight_format::q4_0>(task);
  case weight_format::q4_1:
    return avx2_dot<weight_format::q4_1>(task);
  case weight_format::q5_0:
    return avx2_dot<weight_format::q5_0>(task);
  case weight_format::q5_1:
    return avx2_dot<weight_format::q5_1>(task);
  case weight_format::iq4_nl:
    return avx2_dot<weight_format::iq4_nl>(task);
  case weight_format::q2_k:
    return avx2_dot<weight_format::q2_k>(task);
  case weight_format::q3_k:
    return avx2_dot<weight_format::q3_k>(task);
  case weight_format::q4_k:
    return avx2_dot<weight_format::q4_k>(task);
  case weight_format::q5_k:
    return avx2_dot<weight_format::q5_k>(task);
  case weight_format::q6_k:
    return avx2_dot<weight_format::q6_k>(task);
  }
}

} // namespace

const kernel_table& avx2_kernels() {
  static constexpr kernel_table table{.rms_norm = rms_norm_rows<avx2_lanes>,
                                      .quantize_rows = quantize_all_rows<avx2_lanes>,
                                      .rope = rope_rows<avx2_lanes>,
                                      .silu_multiply = silu_multiply_rows<avx2_lanes>,
                                      .gelu_multiply = gelu_multiply_rows<avx2_lanes>,
                                      .linear = linear_any,
                                      .append_kv = append_token<avx2_lanes>,
                                      .attention = paged_attention<avx2_lanes>};
  return table;
}

} // namespace troupe
