#include "kernels/cuda/device.cuh"
#include "kernels/cuda/prefill_attention_kernels.cuh"

namespace troupe::cuda {

launch_status prefill_attention(const prefill_attention_params& params, const gpu_stream& stream,
                                attention_path path) {
  TROUPE_CUDA_POINTER(params.qkv, 16);
  TROUPE_CUDA_POINTER(params.slices, 4);
  TROUPE_CUDA_POINTER(params.block_tables, 4);
  TROUPE_CUDA_POINTER(params.pages.base, 16);
  TROUPE_CUDA_POINTER(params.output, 16);
  TROUPE_CUDA_RANGE(params.pages.kv_heads, 1, 256);
  TROUPE_CUDA_RANGE(params.heads, params.pages.kv_heads, 65535);
  TROUPE_CUDA_MULTIPLE(params.heads, params.pages.kv_heads);
  TROUPE_CUDA_RANGE(params.pages.page_stride, kv_page_elements(params.pages.kv_heads, params.pages.head_dim),
                    int64_t(1) << 40);
  TROUPE_CUDA_MULTIPLE(params.pages.page_stride, 8);
  TROUPE_CUDA_RANGE(params.slice_count, 1, 65535);
  TROUPE_CUDA_RANGE(params.tokens_max, 1, 1 << 20);
  TROUPE_CUDA_RANGE(params.rows, 1, 1 << 24);
  TROUPE_CUDA_RANGE(params.table_stride, 1, 1 << 20);
  device_facts device;
  if (auto s = find_device_facts(device); s != launch_status::ok)
    return s;
  bool fits = device.capability_major == 9 && (params.pages.head_dim == 64 || params.pages.head_dim == 128);
  if (path == attention_path::warpgroups && !fits)
    return fail_mismatch(launch_status::unsupported, "params.pages.head_dim", 128, params.pages.head_dim);
  return fits && path != attention_path::warps ? prefill_attention_by_warpgroups(params, stream)
                                               : prefill_attention_by_warps(params, stream);
}

} // namespace troupe::cuda
