#include "kernels/cuda/cuda_memory.hpp"

#include <fmt/format.h>
#include <utility>

namespace troupe::cuda {

result<cuda_memory> cuda_memory::allocate(std::shared_ptr<const cuda_device> device, size_t bytes,
                                          std::string_view what, place where) {
  cuda_memory out;
  const auto& calls = device->calls();
  const auto answer =
      where == place::device ? calls.allocate(out.data_, bytes) : calls.allocate_host(out.data_, bytes);
  if (answer != launch_status::ok) {
    const auto free = device->free_bytes();
    return failure(kernel_error::device_out_of_memory,
                   fmt::format("{}: no {} MiB {}for {} ({}; {} MiB are free on the card)", device->name(),
                               (bytes >> 20) + 1, where == place::host ? "of pinned host memory " : "", what,
                               calls.error_text(device->library().last_device_error()),
                               free ? *free >> 20 : 0));
  }
  out.device_ = std::move(device);
  out.size_ = bytes;
  out.where_ = where;
  return out;
}

cuda_memory::cuda_memory(cuda_memory&& other) noexcept {
  *this = std::move(other);
}

cuda_memory& cuda_memory::operator=(cuda_memory&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(where_, other.where_);
  return *this;
}

cuda_memory::~cuda_memory() {
  if (data_ == nullptr)
    return;
  (void)device_->use();
  if (where_ == place::device)
    device_->calls().release(data_);
  else
    device_->calls().release_host(data_);
}

} // namespace troupe::cuda
