#include "kernels/cpu/aligned_buffer.hpp"

#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace troupe {

namespace {

constexpr size_t cache_line = 64;
constexpr size_t huge_page = size_t{2} << 20;

} // namespace

aligned_buffer::aligned_buffer(size_t bytes) : size_(bytes) {
  if (bytes == 0)
    return;
  const size_t alignment = bytes >= huge_page ? huge_page : cache_line;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (rounded < bytes)
    throw std::bad_alloc();
  auto* data = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded));
  if (data == nullptr)
    throw std::bad_alloc();
  data_.reset(data);
  if (alignment == huge_page)
    madvise(data, rounded, MADV_HUGEPAGE); // a wish: without it everything works, slower
  std::memset(data, 0, rounded);
}

void aligned_buffer::release::operator()(std::byte* data) const {
  std::free(data);
}

} // namespace troupe
