#pragma once

#include "actors/messages.hpp"

#include <simdjson.h>
#include <string_view>
#include <tl/expected.hpp>

namespace troupe {

/// A value, or the answer 400 that the client gets.
template <class T>
using parsed = tl::expected<T, rejection>;

/// Parses bodies, one at a time, with one reused parser. The DOM checks the whole text, so a syntax error in
/// a field that nobody reads is found too. What parse() returned is valid until the next call.
class json_reader {
public:
  static constexpr size_t depth_max = 64;

  explicit json_reader(size_t bytes_max) : bytes_max_(bytes_max) {}

  /// The text must be one JSON object. Errors: invalid_value.
  parsed<simdjson::dom::object> parse(std::string_view text);

private:
  size_t bytes_max_;
  simdjson::dom::parser parser_;
};

} // namespace troupe
