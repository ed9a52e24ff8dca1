#include "base/check.hpp"

#include <fmt/format.h>

namespace troupe {

void check_failed(const char* condition, const char* file, int line, const std::string& message) {
  throw broken_invariant(fmt::format("{}:{}: {} is false: {}", file, line, condition, message));
}

} // namespace troupe
