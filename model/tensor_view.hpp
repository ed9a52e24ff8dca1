#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// How a tensor's elements are stored; the values are GGUF's ggml_type.
enum class tensor_type : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  bf16 = 30
};

/// All of them, in the order of their numbers.
inline constexpr tensor_type tensor_types[] = {
    tensor_type::f32,  tensor_type::f16,  tensor_type::q4_0,   tensor_type::q4_1, tensor_type::q5_0,
    tensor_type::q5_1, tensor_type::q8_0, tensor_type::q2_k,   tensor_type::q3_k, tensor_type::q4_k,
    tensor_type::q5_k, tensor_type::q6_k, tensor_type::iq4_nl, tensor_type::bf16};

/// "f32", "q4_1", ...
std::string_view to_string(tensor_type type);

/// Elements are stored in blocks along the contiguous dimension: 32 for the quantized types, 256 for
/// q2_k to q6_k, else 1.
struct block_layout {
  uint32_t elements; // in one block
  uint32_t bytes;    // of one block
};
block_layout layout_of(tensor_type type);

/// The type of a GGUF type number, or nothing for one that this release does not read.
std::optional<tensor_type> tensor_type_of(uint32_t number);

/// One tensor of a mapped file. data lives as long as the file that it comes from.
struct tensor_view {
  std::string name;
  tensor_type type = tensor_type::f32;
  std::vector<uint64_t> shape; // GGUF order: [0] is contiguous; 1 to 4 dimensions, none zero
  std::span<const std::byte> data;
};

} // namespace troupe
