// g++ 12 sees uninitialized registers in its own AVX-512 intrinsics (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "kernels/cpu/body/amx_dot.hpp"
#include "kernels/cpu/body/amx_split_dot.hpp"
#include "kernels/cpu/kernel_table.hpp"

namespace troupe {

namespace {

constexpr int32_t amx_tokens_min = 4; // fewer are faster with VPDPBUSD

/// The tokens [0, tokens), a multiple of 16.
template <weight_format Format>
void amx_whole_groups(const linear_task& task, int32_t tokens) {
  constexpr bool fits_times_16 =
      traits_of(Format).bits == 4 && traits_of(Format).parts == 1 && Format != weight_format::iq4_nl;
  if constexpr (fits_times_16)
    if (tokens > amx_tokens && task.blocks <= amx_blocks_max)
      return amx_dot<Format>(task, tokens);
  amx_split_dot<Format, amx_tokens>(task, 0, tokens);
}

template <weight_format Format>
void amx_any(const linear_task& task) {
  const auto whole = task.tokens / amx_tokens * amx_tokens;
  const auto done = task.tokens - whole >= amx_tokens_min ? task.tokens : whole;
  if (whole > 0)
    amx_whole_groups<Format>(task, whole);
  if (done > whole)
    amx_split_dot<Format, 0>(task, whole, done);
  if (done > 0)
    _tile_release(); // else every context switch saves 8 KiB of tiles
  avx512_dot<Format>(task, done);
}

void linear_any(const linear_task& task) {
  switch (task.format) {
  case weight_format::q8_0:
    return amx_any<weight_format::q8_0>(task);
  case weight_format::q4_0:
    return amx_any<weight_format::q4_0>(task);
  case weight_format::q4_1:
    return amx_any<weight_format::q4_1>(task);
  case weight_format::q4_k:
    return amx_any<weight_format::q4_k>(task);
  case weight_format::q5_0:
    return amx_any<weight_format::q5_0>(task);
  case weight_format::q5_1:
    return amx_any<weight_format::q5_1>(task);
  case weight_format::q5_k:
    return amx_any<weight_format::q5_k>(task);
  case weight_format::iq4_nl:
    return amx_any<weight_format::iq4_nl>(task);
  case weight_format::q2_k:
    return amx_any<weight_format::q2_k>(task);
  case weight_format::q3_k:
    return amx_any<weight_format::q3_k>(task);
  case weight_format::q6_k:
    return amx_any<weight_format::q6_k>(task);
  default:
    return avx512_kernels().linear(task);
  }
}

} // namespace

/// The AVX-512 kernels, but for products of several tokens.
const kernel_table& amx_kernels() {
  static const kernel_table table = [] {
    auto kernels = avx512_kernels();
    kernels.linear = linear_any;
    return kernels;
  }();
  return table;
}

} // namespace troupe
