#pragma once

#include "kernels/cuda/quantized_pack.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/host_bf16.hpp"

#include <memory>

namespace troupe::cuda {

/// A random weight matrix as a GGUF file has it, what its format says of its values, and its cells on the
/// card.
class quantized_case {
public:
  /// Values of about `deviation`.
  quantized_case(weight_format format, int32_t n, int32_t k, double deviation, std::mt19937& random);

  const std::vector<double>& values() const { return values_; } // [n, k]
  const std::vector<double>& steps() const { return steps_; }   // [n, k]: the distance of neighbouring values
  const void* packed() const { return packed_->get(); }

  /// From the cells, on the card.
  std::vector<bf16> dequantized() const;

private:
  void make_q4_1(double deviation, std::mt19937& random);
  void make_q4_k(double deviation, std::mt19937& random);
  void make_q8_0(double deviation, std::mt19937& random);
  uint16_t put_half(double value);

  weight_format format_;
  int32_t n_, k_;
  std::vector<uint8_t> blocks_;
  std::vector<double> values_, steps_;
  std::unique_ptr<device_array<uint8_t>> packed_;
};

} // namespace troupe::cuda
