// g++ 12 sees uninitialized registers in its own AVX-512 intrinsics (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "kernels/cpu/body/amx_dot.hpp"
#include "kernels/cpu/kernel_table.hpp"

namespace troupe {

namespace {

void linear_any(const linear_task& task) {
  switch (task.format) {
  case weight_format::q4_0:
    return amx_dot<weight_format::q4_0>(task);
  case weight_format::q4_1:
    return amx_dot<weight_format::q4_1>(task);
  default:
    return avx512_kernels().linear(task);
  }
}

} // namespace

/// The AVX-512 kernels, but for products of many tokens.
const kernel_table& amx_kernels() {
  static const kernel_table table = [] {
    auto kernels = avx512_kernels();
    kernels.linear = linear_any;
    return kernels;
  }();
  return table;
}

} // namespace troupe
