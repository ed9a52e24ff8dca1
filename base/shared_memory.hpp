#pragma once

#include "base/file_descriptor.hpp"

#include <cstddef>
#include <optional>
#include <span>

namespace troupe {

/// Memory that a process shares with its children: an anonymous file, mapped. It outlives each of them, and
/// what a child wrote before it was killed is there.
class shared_memory {
public:
  /// Zeroed. Absent: the system gives none.
  static std::optional<shared_memory> create(size_t bytes);

  /// Somebody else's, by its file. Absent: it is shorter than `bytes`, or cannot be mapped.
  static std::optional<shared_memory> open(file_descriptor file, size_t bytes);

  shared_memory(shared_memory&& other) noexcept;
  shared_memory& operator=(shared_memory&&) = delete;
  ~shared_memory();

  std::span<std::byte> bytes() const { return bytes_; } // at a page's address
  int descriptor() const { return file_.get(); }

private:
  shared_memory(file_descriptor file, std::span<std::byte> bytes) : file_(std::move(file)), bytes_(bytes) {}

  file_descriptor file_;
  std::span<std::byte> bytes_;
};

} // namespace troupe
