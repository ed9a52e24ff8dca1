#pragma once

#include "base/result.hpp"
#include "kernels/errors.hpp"

#include <fmt/format.h>
#include <string_view>

namespace troupe {

/// "hidden: expected 4096, got 4095"
template <class Expected, class Got>
tl::unexpected<error> shape_failure(std::string_view name, const Expected& expected, const Got& got) {
  return failure(kernel_error::shape_mismatch, fmt::format("{}: expected {}, got {}", name, expected, got));
}

inline tl::unexpected<error> null_failure(std::string_view name) {
  return failure(kernel_error::shape_mismatch, fmt::format("{}: expected data, got null", name));
}

} // namespace troupe
