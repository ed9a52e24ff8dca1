#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "memory/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace troupe {

/// The bytes of the KV pages: [page_count, page_bytes], 64-byte aligned, zeroed by the kernel on first touch.
class kv_store {
public:
  /// Errors: too_large (the machine does not give so much memory).
  static result<std::shared_ptr<kv_store>> create(int32_t page_count, size_t page_bytes);
  ~kv_store();
  kv_store(const kv_store&) = delete;
  kv_store& operator=(const kv_store&) = delete;

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
};

} // namespace troupe
