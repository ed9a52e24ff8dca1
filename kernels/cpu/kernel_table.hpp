#pragma once

#include "kernels/cpu/attention.hpp"
#include "kernels/cpu/gated_multiply.hpp"
#include "kernels/cpu/instruction_set.hpp"
#include "kernels/cpu/linear.hpp"
#include "kernels/cpu/quantize_rows.hpp"
#include "kernels/cpu/rms_norm.hpp"
#include "kernels/cpu/rope.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe {

/// A stretch of tiles of one product, for every token. Plain data: files compiled for one instruction set
/// call no inline function of a shared header.
struct linear_task {
  const std::byte* tiles; // of the whole matrix
  size_t tile_bytes;
  weight_format format;
  int32_t rows, columns, blocks;
  int32_t tile_begin, tile_end;
  int32_t tokens;
  const float* input;
  quantized_rows codes;
  float* output;
  bool add;
};

/// Query rows of one key-value head of one slice. A row is (token, query head of the group), heads fastest.
struct attention_task {
  attention_slice slice;
  int32_t kv_head;
  int32_t row_begin, row_end;
};

/// The kernels of one instruction set. begin and end are rows.
struct kernel_table {
  void (*rms_norm)(const rms_norm_params& params, int32_t begin, int32_t end);
  void (*quantize_rows)(const quantize_rows_params& params, int32_t begin, int32_t end);
  void (*rope)(const rope_params& params, int32_t begin, int32_t end);
  void (*silu_multiply)(const gated_multiply_params& params, int32_t begin, int32_t end);
  void (*gelu_multiply)(const gated_multiply_params& params, int32_t begin, int32_t end);
  void (*linear)(const linear_task& task);
  void (*append_kv)(const append_kv_params& params, const attention_slice& slice, int32_t token);
  void (*attention)(const attention_params& params, const attention_task& task);
};

const kernel_table& portable_kernels();
const kernel_table& avx2_kernels();
const kernel_table& avx512_kernels();
const kernel_table& amx_kernels();

/// The launchers' choice.
const kernel_table& kernels_of(instruction_set isa);

} // namespace troupe
