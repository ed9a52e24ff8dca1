#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/status.hpp"

namespace troupe::cuda {

namespace {

thread_local mismatch mismatch_of_thread{"", 0, 0};
thread_local int error_of_thread = 0;

} // namespace

mismatch last_mismatch() {
  return mismatch_of_thread;
}

int last_device_error() {
  return error_of_thread;
}

launch_status fail_mismatch(launch_status code, const char* name, int64_t expected, int64_t got) {
  mismatch_of_thread = {name, expected, got};
  return code;
}

launch_status fail_device(launch_status code, int error) {
  error_of_thread = error;
  return code;
}

} // namespace troupe::cuda
