#pragma once

#include "model/tensor_view.hpp"

#include <cstddef>

namespace troupe::reference {

/// 256 values as a block of q2_k to q6_k, into zeroed bytes. The scales come from the extremes of each 16 or
/// 32 values: simpler than ggml's search, and the format is used in full.
void quantize_k(tensor_type type, const float* values, std::byte* to);

} // namespace troupe::reference
