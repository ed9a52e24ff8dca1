#pragma once

#include "kernels/cpu/aligned_buffer.hpp"

#include <cstddef>
#include <memory>

namespace troupe {

/// Memory of packed weights: one large buffer in huge pages for many matrices, which each keep it alive.
/// Single matrices are too small for huge pages, and streaming them through 4 KiB pages costs half of the
/// bandwidth.
class weight_arena {
public:
  explicit weight_arena(size_t bytes) : buffer_(std::make_shared<aligned_buffer>(bytes)) {}

  /// 64-byte aligned and zeroed; from a buffer of its own once the arena is full.
  std::shared_ptr<std::byte> take(size_t bytes);

private:
  std::shared_ptr<aligned_buffer> buffer_;
  size_t used_ = 0;
};

} // namespace troupe
