#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

/// What a run of bytes in a GGUF header is.
enum class gguf_part {
  magic,
  version,
  count,     // of tensors, of keys
  length,    // of a text
  text,      // its bytes
  type,      // of a value, of an array's elements, of a tensor
  number,    // a metadata value
  elements,  // of an array: how many
  dimension, // how many, and each
  offset
};

struct gguf_field {
  gguf_part part;
  size_t begin, bytes;
};

/// Bytes [begin, end) of one key with its value, or of one tensor's description.
struct gguf_entry {
  size_t begin, end;
};

/// Where things lie in a header, as far as it makes sense: another reading than the one that is tested, which
/// follows wrong counts as far as there are bytes.
struct gguf_layout {
  std::vector<gguf_field> fields;
  std::vector<gguf_entry> keys, tensors;
};
gguf_layout gguf_layout_of(std::string_view header);

/// Numbers that break things: 0, 1, the largest ones, powers of two and their neighbours, huge products.
const std::vector<uint64_t>& breaking_numbers();

/// The field's bytes replaced by the low ones of a number.
std::string with_number(std::string header, const gguf_field& field, uint64_t number);

/// One change somewhere: a number, a text (its length mended or not), an entry doubled, dropped or swapped, a
/// cut, a few bytes.
std::string mutated(const std::string& header, std::mt19937& random);

} // namespace troupe::test
