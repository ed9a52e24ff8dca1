#pragma once

#include "kernels/cuda/cuda_device.hpp"

#include <memory>

namespace troupe::cuda {

/// A stream that is closed at its end.
class cuda_stream {
public:
  cuda_stream() = default;

  /// Errors: device_failed.
  static result<cuda_stream> open(std::shared_ptr<const cuda_device> device);

  cuda_stream(cuda_stream&& other) noexcept;
  cuda_stream& operator=(cuda_stream&& other) noexcept;
  ~cuda_stream();

  CUstream_st* handle() const { return handle_; }

private:
  std::shared_ptr<const cuda_device> device_;
  CUstream_st* handle_ = nullptr;
};

} // namespace troupe::cuda
