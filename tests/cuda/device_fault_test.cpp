#include "kernels/cuda/device_calls.hpp"

#include <catch2/catch.hpp>

using namespace troupe::cuda;

// Hidden: the card computes no more in this process.
TEST_CASE("a kernel that faults on purpose fails all that comes after it", "[.][fault]") {
  const auto calls = cuda_device_calls();
  REQUIRE(calls.use(0) == launch_status::ok);
  CUstream_st* stream = nullptr;
  REQUIRE(calls.open_stream(stream) == launch_status::ok);
  void* memory = nullptr;
  REQUIRE(calls.allocate(memory, 1024) == launch_status::ok);
  REQUIRE(calls.fill(memory, 1, 1024, stream) == launch_status::ok);
  REQUIRE(calls.wait(stream) == launch_status::ok);
  CHECK(calls.fault() == launch_status::ok); // it is only launched
  CHECK(calls.wait(nullptr) == launch_status::launch_failed);
  CHECK(last_device_error() == 700); // cudaErrorIllegalAddress
  calls.fill(memory, 2, 1024, stream);
  CHECK(calls.wait(stream) == launch_status::launch_failed);
}
