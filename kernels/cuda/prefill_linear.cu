#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/prefill_linear.hpp"

#include <cublasLt.h>
#include <map>
#include <tuple>

namespace troupe::cuda {

namespace {

constexpr size_t workspace_bytes = 32 * 1024 * 1024;

/// The tokens for which a size class takes the best algorithm.
int32_t planned_tokens(int32_t tokens) {
  return tokens <= 128 ? 128 : tokens <= 256 ? 256 : tokens <= 512 ? 512 : 2048;
}

/// What must be freed after one call.
struct lt_problem {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t weight = nullptr, input = nullptr, output = nullptr;

  ~lt_problem() {
    if (operation != nullptr)
      cublasLtMatmulDescDestroy(operation);
    for (auto layout : {weight, input, output})
      if (layout != nullptr)
        cublasLtMatrixLayoutDestroy(layout);
  }

  lt_problem() = default;
  lt_problem(const lt_problem&) = delete;
  lt_problem& operator=(const lt_problem&) = delete;

  /// The same product of another number of rows.
  cublasStatus_t set_tokens(int32_t tokens) {
    uint64_t columns = static_cast<uint64_t>(tokens);
    for (auto layout : {input, output})
      if (auto e =
              cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_COLS, &columns, sizeof columns);
          e != CUBLAS_STATUS_SUCCESS)
        return e;
    return CUBLAS_STATUS_SUCCESS;
  }

  /// Column-major for cuBLAS: output^T [n, tokens] = weight [n, k] (stored transposed) * input^T [k, tokens].
  cublasStatus_t make(int32_t tokens, int32_t n, int32_t k, cudaDataType_t output_type) {
    cublasOperation_t transposed = CUBLAS_OP_T;
    if (auto e = cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
        e != CUBLAS_STATUS_SUCCESS)
      return e;
    if (auto e = cublasLtMatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                                sizeof transposed);
        e != CUBLAS_STATUS_SUCCESS)
      return e;
    auto rows = [](int32_t value) { return static_cast<uint64_t>(value); };
    if (auto e = cublasLtMatrixLayoutCreate(&weight, CUDA_R_16BF, rows(k), rows(n), k);
        e != CUBLAS_STATUS_SUCCESS)
      return e;
    if (auto e = cublasLtMatrixLayoutCreate(&input, CUDA_R_16BF, rows(k), rows(tokens), k);
        e != CUBLAS_STATUS_SUCCESS)
      return e;
    return cublasLtMatrixLayoutCreate(&output, output_type, rows(n), rows(tokens), n);
  }
};

class lt_linear final : public prefill_linear {
public:
  lt_linear() = default;
  lt_linear(const lt_linear&) = delete;
  lt_linear& operator=(const lt_linear&) = delete;

  ~lt_linear() override {
    if (handle_ != nullptr)
      cublasLtDestroy(handle_);
    cudaFree(workspace_);
  }

  launch_status open() {
    if (auto e = cublasLtCreate(&handle_); e != CUBLAS_STATUS_SUCCESS)
      return fail_device(launch_status::library_missing, e);
    if (auto e = cudaMalloc(&workspace_, workspace_bytes); e != cudaSuccess)
      return fail_device(launch_status::launch_failed, e);
    return launch_status::ok;
  }

  launch_status run(const linear_params& params, CUstream_st* stream) override {
    TROUPE_CUDA_POINTER(params.input, 16);
    TROUPE_CUDA_POINTER(params.weight, 16);
    TROUPE_CUDA_POINTER(params.output, 16);
    TROUPE_CUDA_RANGE(params.tokens, 1, 1 << 20);
    TROUPE_CUDA_RANGE(params.n, 8, 1 << 24);
    TROUPE_CUDA_MULTIPLE(params.n, 8);
    TROUPE_CUDA_RANGE(params.k, 8, 1 << 24);
    TROUPE_CUDA_MULTIPLE(params.k, 8);
    if (params.result == linear_result::silu_bf16)
      return fail_mismatch(launch_status::unsupported, "result", 0, static_cast<int64_t>(params.result));
    auto type = params.result == linear_result::bf16_rows ? CUDA_R_16BF : CUDA_R_32F;
    float alpha = 1.0f, beta = params.result == linear_result::add_to_fp32 ? 1.0f : 0.0f;
    auto key = std::tuple(params.n, params.k, params.result, planned_tokens(params.tokens));
    auto found = algorithms_.find(key);
    if (found == algorithms_.end()) {
      cublasLtMatmulAlgo_t chosen;
      if (auto s = choose(params, type, chosen); s != launch_status::ok)
        return s;
      found = algorithms_.emplace(key, chosen).first;
    }
    auto& kept = problems_[std::tuple(params.n, params.k, params.result)];
    if (kept == nullptr) {
      auto made = std::make_unique<lt_problem>();
      if (auto e = made->make(params.tokens, params.n, params.k, type); e != CUBLAS_STATUS_SUCCESS)
        return fail_device(launch_status::library_missing, e);
      kept = std::move(made);
    }
    auto& problem = *kept;
    if (auto e = problem.set_tokens(params.tokens); e != CUBLAS_STATUS_SUCCESS)
      return fail_device(launch_status::library_missing, e);
    auto e = cublasLtMatmul(handle_, problem.operation, &alpha, params.weight, problem.weight, params.input,
                            problem.input, &beta, params.output, problem.output, params.output,
                            problem.output, &found->second, workspace_, workspace_bytes, stream);
    return e == CUBLAS_STATUS_SUCCESS ? launch_status::ok : fail_device(launch_status::launch_failed, e);
  }

private:
  /// The best algorithm without a split of K for the size class.
  launch_status choose(const linear_params& params, cudaDataType_t type, cublasLtMatmulAlgo_t& out) {
    lt_problem problem;
    if (auto e = problem.make(planned_tokens(params.tokens), params.n, params.k, type);
        e != CUBLAS_STATUS_SUCCESS)
      return fail_device(launch_status::library_missing, e);
    cublasLtMatmulPreference_t preference = nullptr;
    if (auto e = cublasLtMatmulPreferenceCreate(&preference); e != CUBLAS_STATUS_SUCCESS)
      return fail_device(launch_status::library_missing, e);
    size_t bytes = workspace_bytes;
    uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes,
                                         sizeof bytes);
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reduction,
                                         sizeof reduction);
    constexpr int asked = 16;
    cublasLtMatmulHeuristicResult_t results[asked];
    int count = 0;
    auto e =
        cublasLtMatmulAlgoGetHeuristic(handle_, problem.operation, problem.weight, problem.input,
                                       problem.output, problem.output, preference, asked, results, &count);
    cublasLtMatmulPreferenceDestroy(preference);
    for (int i = 0; e == CUBLAS_STATUS_SUCCESS && i < count; ++i) {
      int32_t split = 1;
      uint32_t scheme = 0;
      size_t written = 0;
      cublasLtMatmulAlgoConfigGetAttribute(&results[i].algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split,
                                           sizeof split, &written);
      cublasLtMatmulAlgoConfigGetAttribute(&results[i].algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme,
                                           sizeof scheme, &written);
      if (results[i].state == CUBLAS_STATUS_SUCCESS && split <= 1 &&
          scheme == CUBLASLT_REDUCTION_SCHEME_NONE) {
        out = results[i].algo;
        return launch_status::ok;
      }
    }
    return fail_device(launch_status::library_missing, e);
  }

  cublasLtHandle_t handle_ = nullptr;
  void* workspace_ = nullptr;
  std::map<std::tuple<int32_t, int32_t, linear_result, int32_t>, cublasLtMatmulAlgo_t> algorithms_;
  std::map<std::tuple<int32_t, int32_t, linear_result>, std::unique_ptr<lt_problem>> problems_;
};

} // namespace

launch_status prefill_linear::open(std::unique_ptr<prefill_linear>& out) {
  auto made = std::make_unique<lt_linear>();
  auto s = made->open();
  if (s == launch_status::ok)
    out = std::move(made);
  return s;
}

} // namespace troupe::cuda
