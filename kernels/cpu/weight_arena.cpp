#include "kernels/cpu/weight_arena.hpp"

namespace troupe {

std::shared_ptr<std::byte> weight_arena::take(size_t bytes) {
  constexpr size_t cache_line = 64;
  const size_t rounded = (bytes + cache_line - 1) / cache_line * cache_line;
  if (rounded > buffer_->size() - used_) {
    auto own = std::make_shared<aligned_buffer>(bytes);
    auto* data = own->data();
    return {std::move(own), data};
  }
  auto* data = buffer_->data() + used_;
  used_ += rounded;
  return {buffer_, data};
}

} // namespace troupe
