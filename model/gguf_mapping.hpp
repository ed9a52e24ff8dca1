#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <span>

namespace troupe {

/// A whole file mapped for reading. Moves keep the address.
class gguf_mapping {
public:
  /// Errors: cannot_open (missing, not a regular file, empty, not to be mapped).
  static result<gguf_mapping> open(const std::filesystem::path& path);

  gguf_mapping(gguf_mapping&& other) noexcept;
  gguf_mapping& operator=(gguf_mapping&& other) noexcept;
  ~gguf_mapping();

  std::span<const std::byte> bytes() const { return bytes_; }

private:
  explicit gguf_mapping(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

} // namespace troupe
