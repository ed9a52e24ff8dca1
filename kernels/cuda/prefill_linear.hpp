#pragma once

#include "kernels/cuda/linear.hpp"

#include <cstddef>
#include <memory>

namespace troupe::cuda {

/// Products of many rows through cuBLASLt under the numeric definition of linear.hpp: no split of K,
/// reduction scheme NONE, one algorithm for every number of rows at one (n, k, result).
class prefill_linear {
public:
  /// Opens a cuBLASLt handle on the current device.
  static launch_status open(std::unique_ptr<prefill_linear>& out);

  virtual ~prefill_linear() = default;

  /// As linear(), for 1 to 2^20 tokens; result: bf16_rows, fp32_rows or add_to_fp32. Errors: shape_mismatch,
  /// library_missing (cuBLASLt has no such algorithm), launch_failed.
  virtual launch_status run(const linear_params& params, CUstream_st* stream) = 0;
};

/// How cuBLASLt's rows compare with linear()'s.
struct linear_agreement {
  int64_t compared, different; // words of 4 bytes: one output in fp32, two in bf16
};

/// Multiplies random rows by random weights [n, k] on both paths and counts the outputs whose bits differ;
/// `tokens` rows on cuBLASLt. For a start-up self-test: where any differ, linear() serves prefill too.
/// Synchronizes; takes about 2 (n + tokens) k + 8 n tokens bytes of device memory while it runs. Errors: also
/// those of both paths.
launch_status compare_prefill_linear(prefill_linear& prefill, int32_t tokens, int32_t n, int32_t k,
                                     linear_result result, linear_agreement& out);

} // namespace troupe::cuda
