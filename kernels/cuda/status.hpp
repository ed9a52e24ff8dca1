#pragma once

#include <cstdint>

namespace troupe::cuda {

/// What a launcher answers. Kernels run later: a fault inside one shows at the stream's next synchronization.
enum class launch_status : int32_t {
  ok = 0,
  shape_mismatch,  // last_mismatch() names it
  unsupported,     // no kernel for this shape on this card; last_mismatch() names it
  launch_failed,   // last_device_error() has CUDA's number
  library_missing, // the driver lacks an entry point, or cuBLASLt has no algorithm under the numeric
                   // definition
};

constexpr const char* to_string(launch_status value) {
  switch (value) {
  case launch_status::ok:
    return "ok";
  case launch_status::shape_mismatch:
    return "shape_mismatch";
  case launch_status::unsupported:
    return "unsupported";
  case launch_status::launch_failed:
    return "launch_failed";
  case launch_status::library_missing:
    return "library_missing";
  }
  return "unknown";
}

/// "hidden: expected 4096, got 4095" in parts; the caller makes the sentence.
struct mismatch {
  const char* name;
  int64_t expected, got;
};

/// Of this thread's last launcher that did not answer ok.
mismatch last_mismatch();

/// A cudaError_t (or a cublasStatus_t after library_missing) of this thread's last failed launch.
int last_device_error();

} // namespace troupe::cuda
