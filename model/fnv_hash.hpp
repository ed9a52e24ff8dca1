#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace troupe {

/// FNV-1a, 64 bits: tells different weights apart, is no defence against somebody who wants them to collide.
/// Source: Fowler, Noll, Vo; draft-eastlake-fnv.
class fnv_hash {
public:
  void add(std::span<const std::byte> bytes) {
    for (auto byte : bytes)
      value_ = (value_ ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  }
  void add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
    add_number(text.size());
  }
  void add_number(uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }

  uint64_t value() const { return value_; }

private:
  uint64_t value_ = 0xcbf29ce484222325;
};

} // namespace troupe
