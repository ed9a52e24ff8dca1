#pragma once

#include "tests/reference/tiny_model.hpp"

#include <cstdint>
#include <string_view>

namespace troupe::reference {

/// Random weights of a small model of a family, with all quantized types between its layers: 3 layers, hidden
/// 256, 4 query and 2 key-value heads of 32, feed-forward 256, 320 tokens, 1,024 positions. Gemma's first two
/// layers are local with a window of 24.
tiny_weights make_family_weights(std::string_view architecture, uint64_t seed);

/// The same under "llama" with rope_freqs.weight and linear scaling by 4.
tiny_weights make_scaled_rope_weights(uint64_t seed);

} // namespace troupe::reference
