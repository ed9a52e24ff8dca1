#pragma once

#include "base/result.hpp"
#include "kernels/cuda/library.hpp"
#include "kernels/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::cuda {

/// A card, and the library that computes on it. Thread-safe; what is launched is the callers' to order.
class cuda_device {
public:
  /// Errors: driver_missing, library_missing, device_missing.
  static result<std::shared_ptr<const cuda_device>> open(int32_t index);

  /// For a library that is open already. Errors: device_missing.
  static result<std::shared_ptr<const cuda_device>> open(const library_table& library, int32_t index);

  const library_table& library() const { return library_; }
  const device_calls& calls() const { return library_.device; }

  /// "cuda:0"
  const std::string& name() const { return name_; }

  /// As its maker calls it.
  std::string_view card() const { return described_.name; }
  const device_description& described() const { return described_; }

  /// Makes it the calling thread's: first of all, on every thread. Errors: device_failed.
  status use() const;

  /// Bytes of its memory that nobody has taken. Errors: device_failed.
  result<size_t> free_bytes() const;

  /// A launcher's answer as a sentence; `what` was being done. Errors: shape_mismatch, device_missing,
  /// device_failed.
  status check(launch_status answer, std::string_view what) const;

private:
  cuda_device(const library_table& library, int32_t index, const device_description& described);

  const library_table& library_;
  int32_t index_;
  std::string name_;
  device_description described_;
};

} // namespace troupe::cuda
