#pragma once

#include "kernels/cpu/thread_pool.hpp"
#include "kernels/cuda/cuda_memory.hpp"
#include "kernels/cuda/cuda_stream.hpp"
#include "model/cuda/weight_rows.hpp"

#include <array>
#include <functional>
#include <memory>

namespace troupe {

/// Sends weights to a device through two pinned buffers: threads fill one while the other travels. What goes
/// packed is packed there.
class weight_upload {
public:
  /// Of each pinned buffer, and of its copy on the device.
  static constexpr size_t buffer_bytes = size_t{32} << 20;

  /// The device is the calling thread's. Errors: device_out_of_memory, device_failed.
  static result<weight_upload> open(std::shared_ptr<const cuda::cuda_device> device);

  /// To `out`, device_bytes() of device memory, 16-byte aligned. sent(bytes) is called with device bytes of
  /// rows as they leave. Errors: device_failed, shape_mismatch.
  status send(const weight_rows& rows, std::byte* out, const std::function<void(size_t)>& sent);

  /// Waits until everything has arrived. Errors: device_failed.
  status finish();

private:
  status send_rows(const weight_rows& rows, int32_t first, int32_t count, std::byte* out);

  std::shared_ptr<const cuda::cuda_device> device_;
  cuda::cuda_stream stream_;
  std::array<cuda::cuda_memory, 2> pinned_, raw_;
  std::unique_ptr<thread_pool> threads_;
  size_t next_ = 0; // buffer
};

} // namespace troupe
