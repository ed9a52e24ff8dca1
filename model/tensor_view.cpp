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
  case tensor_type::bf16:
    return {1, 2};
  }
  TROUPE_CHECK(false, "a tensor type outside its enum");
}

std::optional<tensor_type> tensor_type_of(uint32_t number) {
  switch (number) {
  case 0:
    return tensor_type::f32;
  case 1:
    return tensor_type::f16;
  case 2:
    return tensor_type::q4_0;
  case 3:
    return tensor_type::q4_1;
  case 8:
    return tensor_type::q8_0;
  case 30:
    return tensor_type::bf16;
  default:
    return std::nullopt;
  }
}

} // namespace troupe
