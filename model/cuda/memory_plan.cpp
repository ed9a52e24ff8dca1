#include "model/cuda/memory_plan.hpp"

#include "kernels/errors.hpp"

#include <fmt/format.h>
#include <utility>

namespace troupe {

namespace {

/// Rounded up: a plan never looks smaller than it is.
size_t mib(size_t bytes) {
  return (bytes + (size_t{1} << 20) - 1) >> 20;
}

} // namespace

void memory_plan::add(std::string owner, size_t bytes) {
  total_ += bytes;
  lines_.push_back({std::move(owner), bytes});
}

std::string memory_plan::text() const {
  std::string out;
  for (const auto& each : lines_)
    out += fmt::format("{}{} {} MiB", out.empty() ? "" : ", ", each.owner, mib(each.bytes));
  return out;
}

status memory_plan::check(size_t free_bytes, const std::string& place) const {
  if (total_ <= free_bytes)
    return {};
  return failure(kernel_error::device_out_of_memory,
                 fmt::format("{} has {} MiB free, {} MiB too few: {}", place, free_bytes >> 20,
                             mib(total_ - free_bytes), text()));
}

} // namespace troupe
