#pragma once

#include "base/result.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace troupe {

static_assert(std::endian::native == std::endian::little, "GGUF is read as little-endian without swapping");

/// A cursor over a file in memory that never passes its end.
class gguf_reader {
public:
  explicit gguf_reader(std::span<const std::byte> file) : file_(file) {}

  uint64_t position() const { return position_; }
  uint64_t left() const { return file_.size() - position_; }

  /// `what` names the thing in the error: "the file ends inside {what}". Errors: bad_format.
  template <class Number>
  result<Number> read(std::string_view what) {
    if (left() < sizeof(Number))
      return ends_inside(what);
    Number value;
    std::memcpy(&value, file_.data() + position_, sizeof(Number));
    position_ += sizeof(Number);
    return value;
  }

  /// The next `count` bytes. Errors: bad_format.
  result<std::span<const std::byte>> read_bytes(uint64_t count, std::string_view what);

  /// A 64-bit length of at most bytes_max, then that many bytes. Errors: bad_format.
  result<std::string_view> read_string(uint64_t bytes_max, std::string_view what);

private:
  tl::unexpected<error> ends_inside(std::string_view what) const;

  std::span<const std::byte> file_;
  uint64_t position_ = 0; // <= file_.size()
};

} // namespace troupe
