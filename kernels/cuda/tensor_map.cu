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

} // namespace

launch_status make_matrix_map(CUtensorMap& out, const void* base, int64_t rows, int64_t columns,
                              int32_t box_rows, int32_t box_chunks) {
  static const encode_function encode = find_encode();
  if (encode == nullptr)
    return fail_device(launch_status::library_missing, cudaErrorSymbolNotFound);
  bool whole = columns % 64 == 0;
  auto row_count = static_cast<cuuint64_t>(rows), column_count = static_cast<cuuint64_t>(columns);
  cuuint64_t sizes[3] = {whole ? 64 : column_count, row_count, whole ? column_count / 64 : 1};
  cuuint64_t strides[2] = {column_count * 2, 128}; // bytes: from row to row, from chunk to chunk
  cuuint32_t box[3] = {64, static_cast<cuuint32_t>(box_rows),
                       static_cast<cuuint32_t>(whole ? box_chunks : 1)};
  cuuint32_t steps[3] = {1, 1, 1};
  CUresult e = encode(&out, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3, const_cast<void*>(base), sizes, strides, box,
                      steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (e != CUDA_SUCCESS)
    return fail_device(launch_status::launch_failed, static_cast<int>(e));
  return launch_status::ok;
}

} // namespace troupe::cuda
