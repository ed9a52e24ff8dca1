#pragma once

#include "actors/messages.hpp"

#include <simdjson.h>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace troupe {

/// A value, or the answer 400 that the client gets.
template <class T>
using parsed = tl::expected<T, rejection>;

/// A name out of a request, for messages: its first 64 bytes, whole characters and no controls.
std::string shown_name(std::string_view name);

/// Parses bodies, one at a time, with one reused parser. The DOM checks the whole text, so a syntax error in
/// a field that nobody reads is found too. What parse() returned is valid until the next call.
class json_reader {
public:
  static constexpr size_t depth_max = 64;
  static constexpr size_t fields_max = 128;            // of one object
  static constexpr size_t biases_max = logit_bias_max; // of one named logit_bias

  explicit json_reader(size_t bytes_max) : bytes_max_(bytes_max) {}

  /// The text must be one JSON object, in which no object, however deep, has a name twice: which of the two
  /// counts differs between parsers, and a proxy in front may have checked the other one (RFC 8259, 4).
  /// Errors: invalid_value; param is the path of a name given twice.
  parsed<simdjson::dom::object> parse(std::string_view text);

private:
  size_t bytes_max_;
  simdjson::dom::parser parser_;
};

} // namespace troupe
