#pragma once

#include "kernels/cuda/cuda_device.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace troupe::cuda {

/// Device memory, or pinned memory of the host, that goes back at its end.
class cuda_memory {
public:
  enum class place { device, host };

  cuda_memory() = default;

  /// On the calling thread's device, which is `device`. `what` names it in the error. Errors:
  /// device_out_of_memory.
  static result<cuda_memory> allocate(std::shared_ptr<const cuda_device> device, size_t bytes,
                                      std::string_view what, place where = place::device);

  cuda_memory(cuda_memory&& other) noexcept;
  cuda_memory& operator=(cuda_memory&& other) noexcept;
  ~cuda_memory();

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  size_t size() const { return size_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

private:
  std::shared_ptr<const cuda_device> device_;
  void* data_ = nullptr;
  size_t size_ = 0; // bytes
  place where_ = place::device;
};

} // namespace troupe::cuda
