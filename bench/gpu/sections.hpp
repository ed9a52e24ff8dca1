#pragma once

#include <cuda_runtime_api.h>

namespace troupe::cuda {

/// GB/s of a kernel that only reads, over 8 GiB: the ceiling beside every figure.
double bench_read_ceiling(cudaStream_t stream);

/// Rungs of the weight-streaming product, at the five shapes of Llama-3-8B.
void bench_linear_ladder(cudaStream_t stream, double ceiling);

/// cuBLASLt's rows against the decode product's, bit for bit, and their times.
void bench_prefill_agreement(cudaStream_t stream);

/// Attention of whole prompts.
void bench_prefill_attention(cudaStream_t stream);

/// Whole steps of a Llama-3-8B shape with random weights: decoding at context 512, and prefill of 8,192
/// tokens.
void bench_decode_step(cudaStream_t stream, double ceiling);

/// The same with packed weights, and the rungs of their products.
void bench_quantized_step(cudaStream_t stream, double ceiling);
void bench_quantized_ladder(cudaStream_t stream, double ceiling);

} // namespace troupe::cuda
