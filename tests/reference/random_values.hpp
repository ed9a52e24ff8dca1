#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace troupe::reference {

/// The same numbers from the same seed on every machine (std::normal_distribution does not promise that).
class random_values {
public:
  explicit random_values(uint64_t seed) : engine_(seed) {}

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

  /// Near enough to a normal distribution of this deviation: a sum of four uniform numbers.
  float normal(double deviation) {
    const double sum = uniform() + uniform() + uniform() + uniform() - 2.0;
    return static_cast<float>(sum * 1.7320508 * deviation);
  }

  std::vector<float> normals(size_t count, double deviation) {
    std::vector<float> out(count);
    for (auto& value : out)
      value = normal(deviation);
    return out;
  }

  /// In [0, bound).
  int32_t below(int32_t bound) { return static_cast<int32_t>(uniform() * bound); }

private:
  std::mt19937_64 engine_;
};

} // namespace troupe::reference
