#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <span>

namespace troupe {

/// A whole file mapped for reading, or bytes in memory. Moves keep the address.
///
/// Touching a page that was cut off a mapped file ends the process (SIGBUS). So the file is leased where the
/// system allows it (its owner or CAP_LEASE, a local file system, nobody writing): who opens it for writing
/// or truncates it waits until the mapping goes, 45 s at most (/proc/sys/fs/lease-break-time).
class gguf_mapping {
public:
  /// Errors: cannot_open (missing, not a regular file, empty, not to be mapped).
  static result<gguf_mapping> open(const std::filesystem::path& path);

  /// Bytes of somebody else, who keeps them.
  static gguf_mapping over(std::span<const std::byte> bytes) { return gguf_mapping(bytes, -1); }

  gguf_mapping(gguf_mapping&& other) noexcept;
  gguf_mapping& operator=(gguf_mapping&& other) noexcept;
  ~gguf_mapping();

  std::span<const std::byte> bytes() const { return bytes_; }

private:
  gguf_mapping(std::span<const std::byte> bytes, int file) : bytes_(bytes), file_(file) {}

  std::span<const std::byte> bytes_;
  int file_; // holds the lease; -1: the bytes are not ours
};

} // namespace troupe
