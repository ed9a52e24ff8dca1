#pragma once

#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The keys that may use the API. Only their SHA-256 digests stay in memory; keys are never logged.
class api_keys {
public:
  /// No keys: everything is open.
  api_keys() = default;

  /// One key a line, 8 to 512 printable ASCII characters without blanks; empty lines and lines that start
  /// with # do not count. Errors: bad_key_file.
  static result<api_keys> load(const std::string& path);

  bool empty() const { return digests_.empty(); }

  /// Whether `Authorization: Bearer KEY` with this value may pass. Compares with every key in constant time.
  bool allows(std::string_view authorization) const;

  /// Who sent this, for what is stored: the same for the same key in every process, and not the key. Empty
  /// where there are no keys.
  std::string owner_of(std::string_view authorization) const;

private:
  using digest = std::array<uint8_t, 32>;
  std::vector<digest> digests_;
};

} // namespace troupe
