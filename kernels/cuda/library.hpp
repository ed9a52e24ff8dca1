#pragma once

#include "kernels/cuda/argmax.hpp"
#include "kernels/cuda/decode_attention.hpp"
#include "kernels/cuda/device_calls.hpp"
#include "kernels/cuda/embed_packed.hpp"
#include "kernels/cuda/linear.hpp"
#include "kernels/cuda/llama_prefill.hpp"
#include "kernels/cuda/quantized_linear.hpp"
#include "kernels/cuda/quantized_pack.hpp"
#include "kernels/cuda/rms_norm.hpp"
#include "kernels/cuda/rope_append.hpp"
#include "kernels/cuda/silu_multiply.hpp"

#include <cstdint>

namespace troupe::cuda {

/// Raised with each change of a parameter struct or of this table; a node refuses a library of another
/// number.
inline constexpr uint32_t library_version = 4;

/// What a node finds in libtroupe_cuda.so through dlsym(library_entry_name): it links none of it.
struct library_table {
  uint32_t version;         // library_version
  uint32_t kernel_revision; // cuda_kernel_revision of kernels/revision.hpp, as the library was built
  device_calls device;
  launch_status (*argmax)(const argmax_params&, const gpu_stream&);
  launch_status (*decode_attention)(const decode_attention_params&, const gpu_stream&);
  launch_status (*embed)(const embed_params&, const gpu_stream&);
  launch_status (*embed_packed)(const embed_packed_params&, const gpu_stream&);
  launch_status (*linear)(const linear_params&, const gpu_stream&, const linear_geometry&);
  launch_status (*prefill_attention)(const prefill_attention_params&, const gpu_stream&, attention_path);
  launch_status (*quantized_linear)(const quantized_linear_params&, const gpu_stream&,
                                    const linear_geometry&);
  launch_status (*pack_quantized)(const pack_params&, const gpu_stream&);
  launch_status (*dequantize)(const dequantize_params&, const gpu_stream&);
  launch_status (*rms_norm)(const rms_norm_params&, const gpu_stream&);
  launch_status (*rope_append)(const rope_append_params&, const gpu_stream&);
  launch_status (*silu_multiply)(const silu_multiply_params&, const gpu_stream&);
  launch_status (*llama_decode)(const llama_weights&, const llama_scratch&, const llama_decode_params&,
                                const gpu_stream&);
  launch_status (*llama_prefill)(const llama_weights&, const llama_scratch&, const llama_prefill_params&,
                                 prefill_linear*, const gpu_stream&);
  launch_status (*llama_logits)(const llama_weights&, const llama_scratch&, const int32_t* rows,
                                int32_t count, const gpu_stream&);
  launch_status (*open_prefill_linear)(std::unique_ptr<prefill_linear>&);
  launch_status (*compare_prefill_linear)(prefill_linear&, int32_t tokens, int32_t n, int32_t k,
                                          linear_result, linear_agreement&);
  mismatch (*last_mismatch)();
  int (*last_device_error)();
};

using library_entry = const library_table* (*)();
inline constexpr const char* library_entry_name = "troupe_cuda_library";

} // namespace troupe::cuda
