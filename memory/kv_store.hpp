#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "memory/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace troupe {

/// The bytes of the KV pages: [page_count, page_bytes], 64-byte aligned. Ours are zeroed on first touch.
class kv_store {
public:
  /// Errors: too_large (the machine does not give so much memory).
  static result<std::shared_ptr<kv_store>> create(int32_t page_count, size_t page_bytes);

  /// Memory of a device: [page_count] pages of equal size that only the device reaches. release() ends it.
  static std::shared_ptr<kv_store> on_device(std::span<std::byte> memory, int32_t page_count,
                                             std::function<void()> release);
  ~kv_store();
  kv_store(const kv_store&) = delete;
  kv_store& operator=(const kv_store&) = delete;

  /// False: bytes() and page() say where the pages are, but nobody here may read or write there.
  bool on_host() const { return !release_; }

  std::span<std::byte> bytes() { return {base_, size_}; }
  int32_t page_count() const { return page_count_; }
  size_t page_bytes() const { return size_ / static_cast<size_t>(page_count_); }

  /// Pages 0 .. page_count - 1.
  std::span<std::byte> page(page_id index) {
    return bytes().subspan(static_cast<size_t>(index) * page_bytes(), page_bytes());
  }

private:
  kv_store(std::byte* base, size_t size, int32_t page_count)
      : base_(base), size_(size), page_count_(page_count) {}

  std::byte* base_;
  size_t size_;
  int32_t page_count_;
  std::function<void()> release_; // none: mapped here
};

} // namespace troupe
