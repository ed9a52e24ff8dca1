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

launch_status make_tensor_map(CUtensorMap& out, const void* base, int64_t rows, int64_t columns,
                              int32_t box_rows) {
  static const encode_function encode = find_encode();
  if (encode == nullptr)
    return fail_device(launch_status::library_missing, cudaErrorSymbolNotFound);
  cuuint64_t sizes[2] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  cuuint64_t strides[1] = {static_cast<cuuint64_t>(columns) * 2};
  cuuint32_t box[2] = {64, static_cast<cuuint32_t>(box_rows)};
  cuuint32_t steps[2] = {1, 1};
  CUresult e = encode(&out, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(base), sizes, strides, box,
                      steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (e != CUDA_SUCCESS)
    return fail_device(launch_status::launch_failed, static_cast<int>(e));
  return launch_status::ok;
}

} // namespace troupe::cuda
