#include "tests/cuda/quantized_case.hpp"

#include "kernels/float16.hpp"

#include <algorithm>
#include <array>

namespace troupe::cuda {

namespace {

uint8_t random_byte(std::mt19937& random) {
  return static_cast<uint8_t>(random());
}

double widen_half(uint16_t half) {
  return static_cast<double>(half_to_float(half));
}

} // namespace

quantized_case::quantized_case(weight_format format, int32_t n, int32_t k, double deviation,
                               std::mt19937& random)
    : format_(format), n_(n), k_(k) {
  int64_t blocks = int64_t(n) * k / gguf_block_weights(format);
  for (int64_t i = 0; i < blocks; ++i)
    if (format == weight_format::q4_1)
      make_q4_1(deviation, random);
    else if (format == weight_format::q4_k)
      make_q4_k(deviation, random);
    else
      make_q8_0(deviation, random);
  device_array<uint8_t> raw(blocks_);
  packed_ = std::make_unique<device_array<uint8_t>>(packed_bytes(format, n, k));
  TROUPE_CHECK(pack_quantized({raw.get(), packed_->get(), format, n, k}, {}) == launch_status::ok,
               last_mismatch().name);
  expect_ok(cudaDeviceSynchronize());
}

std::vector<bf16> quantized_case::dequantized() const {
  device_array<bf16> out(values_.size());
  TROUPE_CHECK(dequantize({packed_->get(), out.get(), format_, n_, k_}, {}) == launch_status::ok,
               last_mismatch().name);
  return out.read();
}

uint16_t quantized_case::put_half(double value) {
  uint16_t half = float_to_half(static_cast<float>(value));
  blocks_.push_back(static_cast<uint8_t>(half));
  blocks_.push_back(static_cast<uint8_t>(half >> 8));
  return half;
}

void quantized_case::make_q4_1(double deviation, std::mt19937& random) {
  std::uniform_real_distribution<double> spread(0.5, 1.5);
  double d = widen_half(put_half(deviation / 4.6 * spread(random)));
  double m = widen_half(put_half(-7.5 * deviation / 4.6 * spread(random)));
  std::array<uint8_t, 16> quants{};
  for (auto& q : quants)
    blocks_.push_back(q = random_byte(random));
  for (size_t i = 0; i < 32; ++i) {
    values_.push_back(d * (i < 16 ? quants[i] & 15 : quants[i - 16] >> 4) + m);
    steps_.push_back(d);
  }
}

void quantized_case::make_q4_k(double deviation, std::mt19937& random) {
  double d = widen_half(put_half(deviation / 4.6 / 57)), e = widen_half(put_half(7.5 * deviation / 4.6 / 57));
  std::array<uint8_t, 12> scales{};
  for (auto& s : scales)
    blocks_.push_back(s = random_byte(random));
  std::array<uint8_t, 128> quants{};
  for (auto& q : quants)
    blocks_.push_back(q = random_byte(random));
  for (size_t i = 0; i < 256; ++i) {
    size_t j = i / 32;
    int s = j < 4 ? scales[j] & 63 : (scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4;
    int t = j < 4 ? scales[j + 4] & 63 : scales[j + 4] >> 4 | (scales[j] >> 6) << 4;
    uint8_t both = quants[i / 64 * 32 + i % 32];
    values_.push_back(d * s * (j % 2 == 0 ? both & 15 : both >> 4) - e * t);
    steps_.push_back(d * s);
  }
}

void quantized_case::make_q8_0(double deviation, std::mt19937& random) {
  double d = widen_half(put_half(deviation / 74));
  for (size_t i = 0; i < 32; ++i) {
    blocks_.push_back(random_byte(random));
    values_.push_back(d * static_cast<int8_t>(blocks_.back()));
    steps_.push_back(d);
  }
}

} // namespace troupe::cuda
