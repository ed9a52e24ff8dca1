#pragma once

#include "base/check.hpp"
#include "kernels/cuda/bf16.hpp"
#include "kernels/cuda/stream.hpp"

#include <cuda_runtime_api.h>
#include <vector>

namespace troupe::cuda {

inline void expect_ok(cudaError_t e) {
  TROUPE_CHECK(e == cudaSuccess, cudaGetErrorString(e));
}

/// Device memory of a test. Starts as NaN (all bits set), so that an element nobody wrote shows. A guard of
/// as many bytes on either side shows a write past an end.
template <class T>
class device_array {
public:
  explicit device_array(size_t count) : count_(count) {
    expect_ok(cudaMalloc(reinterpret_cast<void**>(&base_), bytes() + 2 * guard));
    expect_ok(cudaMemset(base_, 0xff, bytes() + 2 * guard));
  }
  explicit device_array(const std::vector<T>& values) : device_array(values.size()) {
    expect_ok(cudaMemcpy(get(), values.data(), bytes(), cudaMemcpyHostToDevice));
  }
  device_array(const device_array&) = delete;
  device_array& operator=(const device_array&) = delete;
  ~device_array() { cudaFree(base_); }

  T* get() const { return reinterpret_cast<T*>(base_ + guard); }
  size_t size() const { return count_; }

  void fill(int byte) { expect_ok(cudaMemset(get(), byte, bytes())); }

  /// Waits for the device. Throws if a guard was written.
  std::vector<T> read() const {
    expect_ok(cudaDeviceSynchronize());
    std::vector<T> out(count_);
    expect_ok(cudaMemcpy(out.data(), get(), bytes(), cudaMemcpyDeviceToHost));
    std::vector<unsigned char> edges(2 * guard);
    expect_ok(cudaMemcpy(edges.data(), base_, guard, cudaMemcpyDeviceToHost));
    expect_ok(cudaMemcpy(edges.data() + guard, base_ + guard + bytes(), guard, cudaMemcpyDeviceToHost));
    for (unsigned char edge : edges)
      TROUPE_CHECK(edge == 0xff, "a kernel wrote outside its output");
    return out;
  }

private:
  static constexpr size_t guard = 1024;
  size_t bytes() const { return count_ * sizeof(T); }

  unsigned char* base_ = nullptr;
  size_t count_;
};

} // namespace troupe::cuda
