#include "memory/kv_store.hpp"

#include "base/check.hpp"

#include <fmt/format.h>
#include <limits>
#include <sys/mman.h>
#include <utility>

namespace troupe {

result<std::shared_ptr<kv_store>> kv_store::create(int32_t page_count, size_t page_bytes) {
  const auto count = static_cast<size_t>(page_count);
  if (page_count <= 0 || page_bytes == 0 || count > std::numeric_limits<size_t>::max() / page_bytes)
    return failure(page_error::too_large, fmt::format("{} pages of {} bytes", page_count, page_bytes));
  const auto size = count * page_bytes;
  // Mapped, not allocated: untouched pages cost nothing, and the map is page-aligned.
  void* base =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return failure(page_error::too_large,
                   fmt::format("cannot map {} MiB for the KV cache: lower kv_cache_mib", size >> 20));
  return std::shared_ptr<kv_store>(new kv_store(static_cast<std::byte*>(base), size, page_count));
}

std::shared_ptr<kv_store> kv_store::on_device(std::span<std::byte> memory, int32_t page_count,
                                              std::function<void()> release) {
  TROUPE_CHECK(page_count > 0 && memory.size() % static_cast<size_t>(page_count) == 0 && release,
               "device memory that is no whole number of pages, or nobody's");
  std::shared_ptr<kv_store> out(new kv_store(memory.data(), memory.size(), page_count));
  out->release_ = std::move(release);
  return out;
}

kv_store::~kv_store() {
  if (release_)
    release_();
  else
    munmap(base_, size_);
}

} // namespace troupe
