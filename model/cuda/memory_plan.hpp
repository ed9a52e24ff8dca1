#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace troupe {

/// Memory as a sum with one owner a line.
class memory_plan {
public:
  void add(std::string owner, size_t bytes);

  size_t total() const { return total_; }

  /// "weights 91 MiB, activations 4 MiB"
  std::string text() const;

  /// Whether it fits into what is free of `place` ("cuda:0 (NVIDIA H100 80GB HBM3)"). Errors:
  /// device_out_of_memory, by how much, and for what.
  status check(size_t free_bytes, const std::string& place) const;

private:
  struct line {
    std::string owner;
    size_t bytes;
  };

  std::vector<line> lines_;
  size_t total_ = 0; // bytes
};

} // namespace troupe
