#pragma once

#include "model/tensor_view.hpp"
#include "tests/reference/quantize.hpp"
#include "tests/reference/random_values.hpp"
#include "tests/reference/tiny_model.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace troupe::reference {

/// Random tensors under GGUF's names.
class weight_maker {
public:
  explicit weight_maker(uint64_t seed) : random_(seed) {}

  void matrix(const std::string& name, tensor_type type, int32_t rows, int32_t columns, double gain = 1.0) {
    const auto count = static_cast<size_t>(rows) * static_cast<size_t>(columns);
    add(name, type, {static_cast<uint64_t>(columns), static_cast<uint64_t>(rows)},
        random_.normals(count, gain / std::sqrt(columns)));
  }

  /// Near 1.
  void norm(const std::string& name, int32_t width) { vector(name, width, 1.0f, 0.1); }

  void vector(const std::string& name, int32_t width, float middle, double deviation) {
    auto values = random_.normals(static_cast<size_t>(width), deviation);
    for (auto& value : values)
      value += middle;
    add(name, tensor_type::f32, {static_cast<uint64_t>(width)}, values);
  }

  tiny_weights out;

private:
  void add(const std::string& name, tensor_type type, std::vector<uint64_t> shape,
           const std::vector<float>& values) {
    out.storage.push_back(quantize(type, values));
    out.tensors.push_back({name, type, std::move(shape), out.storage.back()});
  }

  random_values random_;
};

} // namespace troupe::reference
