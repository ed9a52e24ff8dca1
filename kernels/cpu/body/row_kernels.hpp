#pragma once

#include "kernels/cpu/body/exp_lanes.hpp"
#include "kernels/cpu/body/reduce_lanes.hpp"
#include "kernels/cpu/kernel_table.hpp"

#include <cstddef>
#include <cstdint>

/// Kernels that go row by row, for any lane type.
namespace troupe {
namespace {

template <class Lanes>
void rms_norm_row(const rms_norm_params& params, size_t row) {
  const auto width = params.hidden;
  const float* in = params.input + row * static_cast<size_t>(width);
  float* out = params.output + row * static_cast<size_t>(width);
  Lanes squares = Lanes::broadcast(0.0f);
  int32_t k = 0;
  for (; k + 16 <= width; k += 16) {
    const Lanes x = Lanes::load(in + k);
    squares = Lanes::fma(x, x, squares);
  }
  if (k < width) {
    const Lanes x = Lanes::load_first(in + k, width - k);
    squares = Lanes::fma(x, x, squares);
  }
  const float mean = sum_lanes(squares) / static_cast<float>(width);
  const Lanes factor = Lanes::broadcast(1.0f / __builtin_sqrtf(mean + params.epsilon));
  for (k = 0; k + 16 <= width; k += 16)
    Lanes::mul(Lanes::mul(Lanes::load(in + k), factor), Lanes::load(params.weight + k)).store(out + k);
  if (k < width) {
    const auto rest = width - k;
    Lanes::mul(Lanes::mul(Lanes::load_first(in + k, rest), factor),
               Lanes::load_first(params.weight + k, rest))
        .store_first(out + k, rest);
  }
}

template <class Lanes>
void rms_norm_rows(const rms_norm_params& params, int32_t begin, int32_t end) {
  for (auto row = begin; row < end; ++row)
    rms_norm_row<Lanes>(params, static_cast<size_t>(row));
}

/// index: of the block in the output's arrays.
template <class Lanes>
void quantize_block(const float* in, const quantized_rows& out, size_t index) {
  const Lanes a = Lanes::load(in), b = Lanes::load(in + 16);
  const float largest = Lanes::max_magnitude(a, b).largest_magnitude();
  int8_t* codes = out.codes + index * code_block_bytes;
  int32_t first = 0, second = 0; // sums of the halves
  if (largest >= 0x1p-100f && largest <= 3.402823466e38f) {
    const Lanes inverse = Lanes::broadcast(2032.0f / largest);
    first = Lanes::mul(a, inverse).store_codes(codes, codes + 32);
    second = Lanes::mul(b, inverse).store_codes(codes + 16, codes + 48);
    out.scales[index] = largest / 2032.0f;
  } else {
    for (size_t i = 0; i < code_block_bytes; ++i)
      codes[i] = 0;
    out.scales[index] = largest < 0x1p-100f ? 0.0f : __builtin_nanf("");
  }
  out.totals[index] = first + second;
  out.first_totals[index] = first;
  out.sums[index] = out.scales[index] * static_cast<float>(first + second);
}

template <class Lanes>
void quantize_all_rows(const quantize_rows_params& params, int32_t begin, int32_t end) {
  const auto blocks = static_cast<size_t>(params.columns / 32),
             stride = static_cast<size_t>(params.output.stride);
  for (size_t b = 0; b < blocks; ++b) // outside, since the output's rows lie side by side
    for (auto row = static_cast<size_t>(begin); row < static_cast<size_t>(end); ++row)
      quantize_block<Lanes>(params.input + (row * blocks + b) * 32, params.output, b * stride + row);
}

template <class Lanes>
void rope_rows(const rope_params& params, int32_t begin, int32_t end) {
  const auto wide = static_cast<size_t>(params.head_dim);
  for (auto row = begin; row < end; ++row) {
    const float* cosines = params.table + static_cast<size_t>(params.positions[row]) * 2 * wide;
    const float* sines = cosines + wide;
    for (int32_t head = 0; head < params.heads; ++head) {
      float* x =
          params.rows +
          (static_cast<size_t>(row) * static_cast<size_t>(params.heads) + static_cast<size_t>(head)) * wide;
      for (size_t k = 0; k < wide; k += 16) {
        const Lanes v = Lanes::load(x + k);
        const Lanes crossed = Lanes::mul(Lanes::swap_pairs(v), Lanes::load(sines + k));
        Lanes::fma(v, Lanes::load(cosines + k), crossed).store(x + k);
      }
    }
  }
}

template <class Lanes>
Lanes silu(Lanes gate) {
  const Lanes one = Lanes::broadcast(1.0f);
  return Lanes::div(gate, Lanes::add(one, exp_lanes(Lanes::negate(gate))));
}

template <class Lanes>
Lanes gelu(Lanes gate) {
  const Lanes one = Lanes::broadcast(1.0f);
  const Lanes slope =
      Lanes::fma(Lanes::mul(gate, gate), Lanes::broadcast(0.07135481283f), Lanes::broadcast(1.595769122f));
  return Lanes::div(gate, Lanes::add(one, exp_lanes(Lanes::negate(Lanes::mul(gate, slope)))));
}

/// Activate(gate) * up for rows [begin, end) of `width`, one stretch of memory.
template <class Lanes, class Activate>
void activate_rows(const gated_multiply_params& params, int32_t begin, int32_t end,
                   const Activate& activate) {
  const auto width = static_cast<size_t>(params.width);
  size_t k = static_cast<size_t>(begin) * width;
  const size_t last = static_cast<size_t>(end) * width;
  for (; k + 16 <= last; k += 16)
    Lanes::mul(activate(Lanes::load(params.gate + k)), Lanes::load(params.up + k)).store(params.output + k);
  if (k < last) {
    const auto rest = static_cast<int>(last - k);
    Lanes::mul(activate(Lanes::load_first(params.gate + k, rest)), Lanes::load_first(params.up + k, rest))
        .store_first(params.output + k, rest);
  }
}

template <class Lanes>
void silu_multiply_rows(const gated_multiply_params& params, int32_t begin, int32_t end) {
  activate_rows<Lanes>(params, begin, end, [](Lanes gate) { return silu(gate); });
}

template <class Lanes>
void gelu_multiply_rows(const gated_multiply_params& params, int32_t begin, int32_t end) {
  activate_rows<Lanes>(params, begin, end, [](Lanes gate) { return gelu(gate); });
}

} // namespace
} // namespace troupe
