#include "kernels/cuda/cuda_stream.hpp"

#include <utility>

namespace troupe::cuda {

result<cuda_stream> cuda_stream::open(std::shared_ptr<const cuda_device> device) {
  cuda_stream out;
  if (auto done = device->check(device->calls().open_stream(out.handle_), "opening a stream"); !done)
    return forward_error(done);
  out.device_ = std::move(device);
  return out;
}

cuda_stream::cuda_stream(cuda_stream&& other) noexcept {
  *this = std::move(other);
}

cuda_stream& cuda_stream::operator=(cuda_stream&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

cuda_stream::~cuda_stream() {
  if (handle_ == nullptr)
    return;
  (void)device_->use();
  device_->calls().close_stream(handle_);
}

} // namespace troupe::cuda
