#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace troupe::test {

/// A property that holds for every input. Where it does not, libFuzzer keeps the input as a crash.
inline void expect(bool holds, std::string_view property, std::string_view detail = {}) {
  if (holds)
    return;
  std::fprintf(stderr, "does not hold: %s: %s\n", std::string(property).c_str(), std::string(detail).c_str());
  __builtin_trap();
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

} // namespace troupe::test
