#pragma once

#include <cstddef>
#include <memory>

namespace troupe {

/// Zeroed memory aligned to 64 bytes; large ones ask the kernel for huge pages, which spares TLB misses when
/// weights are streamed. Throws std::bad_alloc.
class aligned_buffer {
public:
  aligned_buffer() = default;
  explicit aligned_buffer(size_t bytes);

  size_t size() const { return size_; }
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }

  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_.get());
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_.get());
  }

private:
  struct release {
    void operator()(std::byte* data) const;
  };

  std::unique_ptr<std::byte, release> data_;
  size_t size_ = 0;
};

} // namespace troupe
