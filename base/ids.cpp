#include "base/ids.hpp"

#include <fmt/format.h>
#include <random>

namespace troupe {

std::string make_id(std::string_view prefix) {
  std::random_device device;
  return fmt::format("{}{:08x}{:08x}{:08x}{:08x}", prefix, device(), device(), device(), device());
}

} // namespace troupe
