#include "model/tensor_view.hpp"

#include "base/check.hpp"

namespace troupe {

std::string_view to_string(tensor_type type) {
  switch (type) {
  case tensor_type::f32:
    return "f32";
  case tensor_type::f16:
    return "f16";
  case tensor_type::q4_0:
    return "q4_0";
  case tensor_type::q4_1:
    return "q4_1";
  case tensor_type::q8_0:
    return "q8_0";
  case tensor_type::q5_0:
    return "q5_0";
  case tensor_type::q5_1:
    return "q5_1";
  case tensor_type::q2_k:
    return "q2_k";
  case tensor_type::q3_k:
    return "q3_k";
  case tensor_type::q4_k:
    return "q4_k";
  case tensor_type::q5_k:
    return "q5_k";
  case tensor_type::q6_k:
    return "q6_k";
  case tensor_type::iq4_nl:
    return "iq4_nl";
  case tensor_type::bf16:
    return "bf16";
  }
  return "unknown";
}

block_layout layout_of(tensor_type type) {
  switch (type) {
  case tensor_type::f32:
    return {1, 4};
  case tensor_type::f16:
    return {1, 2};
  case tensor_type::q4_0:
    return {32, 18}; // f16 scale, 16 bytes of nibbles
  case tensor_type::q4_1:
    return {32, 20}; // f16 scale, f16 minimum, 16 bytes of nibbles
  case tensor_type::q8_0:
    return {32, 34}; // f16 scale, 32 int8
  case tensor_type::q5_0:
    return {32, 22}; // f16 scale, 32 fifth bits, 16 bytes of nibbles
  case tensor_type::q5_1:
    return {32, 24}; // the same with an f16 minimum
  case tensor_type::iq4_nl:
    return {32, 18}; // as q4_0
  case tensor_type::q2_k:
    return {256, 84}; // 16 scales and minimums of 4 bits, 64 bytes of codes, two f16
  case tensor_type::q3_k:
    return {256, 110}; // 32 bytes of third bits, 64 of codes, 16 scales of 6 bits, f16
  case tensor_type::q4_k:
    return {256, 144}; // two f16, 8 scales and minimums of 6 bits, 128 bytes of nibbles
  case tensor_type::q5_k:
    return {256, 176}; // the same with 32 bytes of fifth bits
  case tensor_type::q6_k:
    return {256, 210}; // 128 bytes of nibbles, 64 of upper bits, 16 int8 scales, f16
  case tensor_type::bf16:
    return {1, 2};
  }
  TROUPE_CHECK(false, "a tensor type outside its enum");
}

std::optional<tensor_type> tensor_type_of(uint32_t number) {
  for (const auto type : tensor_types)
    if (static_cast<uint32_t>(type) == number)
      return type;
  return std::nullopt;
}

} // namespace troupe
