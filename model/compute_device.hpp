#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string_view>

namespace troupe {

/// Where a model computes.
struct compute_device {
  enum class kind { cpu, cuda, automatic }; // automatic: on card 0 where it can, else on the CPU

  kind where = kind::cpu;
  int32_t index = 0; // of the card

  bool operator==(const compute_device&) const = default;
};

/// "cpu", "auto", "cuda:0" to "cuda:999". Errors: unsupported.
result<compute_device> parse_compute_device(std::string_view text);

} // namespace troupe
