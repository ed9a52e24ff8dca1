#pragma once

#include "base/result.hpp"
#include "model/tensor_view.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe {

/// GGUF's value types. Source: ggml's docs/gguf.md.
enum class gguf_type : uint32_t {
  uint8 = 0,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  float32,
  boolean,
  string,
  array,
  uint64,
  int64,
  float64
};

/// An array value. Strings are split; numbers stay as the file has them (little-endian, unaligned).
struct gguf_array {
  gguf_type element = gguf_type::uint8;
  uint64_t count = 0;
  std::span<const std::byte> numbers;    // of a fixed-size element type
  std::vector<std::string_view> strings; // of element type string; both empty for arrays of arrays
};

/// Integers are int64_t whenever they fit; uint64_t holds only what does not.
using gguf_value = std::variant<int64_t, uint64_t, double, bool, std::string_view, gguf_array>;

/// Bounds of what a file may hold, far above any real model.
namespace gguf_limits {
inline constexpr uint64_t keys_max = 65'536;
inline constexpr uint64_t tensors_max = 65'536;
inline constexpr uint64_t name_bytes_max = 65'535;          // GGUF's own bound on keys
inline constexpr uint64_t string_bytes_max = 16'777'216;    // a value; chat templates have some 10 KB
inline constexpr uint64_t array_elements_max = 16'777'216;  // vocabularies have some 260,000
inline constexpr uint64_t elements_max = uint64_t{1} << 40; // of one tensor
inline constexpr uint32_t dimensions_max = 4;               // ggml's
inline constexpr uint32_t alignment_max = 65'536;           // bytes
inline constexpr int array_depth_max = 4;                   // arrays inside arrays
} // namespace gguf_limits

/// What precedes the weights, plus a checked view of each tensor's bytes.
struct gguf_header {
  std::unordered_map<std::string_view, gguf_value> values;
  std::vector<tensor_view> tensors; // in the order of the file
  std::unordered_map<std::string_view, size_t> tensor_index;
};

/// Reads and checks a whole file in memory; the result's views point into it.
/// Errors: bad_format, unsupported. Nothing outside `file` is read whatever its bytes are.
result<gguf_header> parse_gguf(std::span<const std::byte> file);

/// Bytes of a fixed-size value type; 0 for string, array and unknown numbers.
uint32_t bytes_of(gguf_type type);

/// A name from a file made safe for messages: printable ASCII, at most 64 characters.
std::string printable(std::string_view name);

} // namespace troupe
