#include "kernels/cuda/library.hpp"
#include "kernels/revision.hpp"

extern "C" const troupe::cuda::library_table* troupe_cuda_library() {
  using namespace troupe::cuda;
  static const library_table table{library_version,
                                   troupe::cuda_kernel_revision,
                                   cuda_device_calls(),
                                   argmax,
                                   decode_attention,
                                   embed,
                                   embed_packed,
                                   linear,
                                   prefill_attention,
                                   quantized_linear,
                                   pack_quantized,
                                   dequantize,
                                   rms_norm,
                                   rope_append,
                                   silu_multiply,
                                   llama_decode,
                                   llama_prefill,
                                   llama_logits,
                                   prefill_linear::open,
                                   compare_prefill_linear,
                                   last_mismatch,
                                   last_device_error};
  return &table;
}
