#pragma once

#include "model/tensor_view.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace troupe::reference {

/// Values as a tensor of this type stores them; whole blocks for the quantized types.
/// Each block's scale (and minimum) comes from its extremes, as ggml's reference quantizers have it.
std::vector<std::byte> quantize(tensor_type type, std::span<const float> values);

} // namespace troupe::reference
