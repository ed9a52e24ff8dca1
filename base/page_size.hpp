#pragma once

#include <cstdint>

namespace troupe {

/// Tokens in one KV page, in every layer and on every path. One AVX-512 register of keys.
inline constexpr int32_t page_tokens = 16;

/// Pages of the first `tokens` positions.
constexpr int32_t pages_of(int32_t tokens) {
  return (tokens + page_tokens - 1) / page_tokens;
}

} // namespace troupe
