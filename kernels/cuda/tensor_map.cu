#include "kernels/cuda/tensor_map.cuh"

namespace troupe::cuda {

namespace {

using encode_function = decltype(&cuTensorMapEncodeTiled);

/// Through the runtime, so that the library itself needs no libcuda.so to load.
encode_function find_encode() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult query{};
  if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &query) !=
          cudaSuccess ||
      query != cudaDriverEntryPointSuccess)
    return nullptr;
  return reinterpret_cast<encode_function>(found);
}

launch_status encode(CUtensorMap& out, const void* base, uint32_t rank, const cuuint64_t* sizes,
                     const cuuint64_t* strides, const cuuint32_t* box) {
  static const encode_function function = find_encode();
  if (function == nullptr)
    return fail_device(launch_status::library_missing, cudaErrorSymbolNotFound);
  cuuint32_t steps[5] = {1, 1, 1, 1, 1};
  CUresult e = function(&out, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, rank, const_cast<void*>(base), sizes, strides,
                        box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                        CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return e == CUDA_SUCCESS ? launch_status::ok
                           : fail_device(launch_status::launch_failed, static_cast<int>(e));
}

} // namespace

launch_status make_matrix_map(CUtensorMap& out, const void* base, int64_t rows, int64_t columns,
                              int32_t box_rows, int32_t box_chunks) {
  bool whole = columns % 64 == 0;
  auto row_count = static_cast<cuuint64_t>(rows), column_count = static_cast<cuuint64_t>(columns);
  cuuint64_t sizes[3] = {whole ? 64 : column_count, row_count, whole ? column_count / 64 : 1};
  cuuint64_t strides[2] = {column_count * 2, 128}; // bytes: from row to row, from chunk to chunk
  cuuint32_t box[3] = {64, static_cast<cuuint32_t>(box_rows),
                       static_cast<cuuint32_t>(whole ? box_chunks : 1)};
  return encode(out, base, 3, sizes, strides, box);
}

launch_status make_pages_map(CUtensorMap& out, const kv_pages& pages) {
  auto dim = static_cast<cuuint64_t>(pages.head_dim), kv_heads = static_cast<cuuint64_t>(pages.kv_heads);
  cuuint64_t sizes[5] = {64, page_tokens, dim / 64, 2 * kv_heads, cuuint64_t(1) << 28};
  cuuint64_t strides[4] = {dim * 2, 128, page_tokens * dim * 2,
                           static_cast<cuuint64_t>(pages.page_stride) * 2};
  cuuint32_t box[5] = {64, page_tokens, 1, 1, 1};
  return encode(out, pages.base, 5, sizes, strides, box);
}

} // namespace troupe::cuda
