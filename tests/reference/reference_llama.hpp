#pragma once

#include "base/ids.hpp"
#include "model/llama_parameters.hpp"
#include "model/tensor_view.hpp"

#include <functional>
#include <span>

namespace troupe::reference {

/// Receives the logits [vocabulary] of one position; called from several threads, for different positions.
using logits_sink = std::function<void(size_t position, std::span<const double> logits)>;

/// The forward pass of Llama or a relative over one sequence in float64, layer by layer over all positions,
/// from dequantized weights: Llama (Touvron et al. 2023; rotary pairs are neighbours, as GGUF stores them),
/// Qwen 2 and 3, Gemma 3 (their technical reports; pairs are i and i + head_dim / 2). No paging, no rounding,
/// no kernels of ours. Logits of positions [first_logits, tokens.size()) go to the sink.
void reference_logits(const llama_parameters& parameters, std::span<const tensor_view> tensors,
                      std::span<const token_id> tokens, size_t first_logits, int threads,
                      const logits_sink& sink);

} // namespace troupe::reference
