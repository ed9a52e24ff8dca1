#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// An expected failure: which module, which of its errors, and a sentence of context that says what to do.
struct error {
  std::string module;  // "model", "memory", ...
  int code = 0;        // value of the module's enum, never 0
  std::string name;    // enumerator, e.g. "out_of_pages"
  std::string message; // "need 7 pages, have 3"

  /// "memory.out_of_pages: need 7 pages, have 3"
  std::string what() const { return module + "." + name + ": " + message; }

  template <class Enum>
  bool is(Enum value) const {
    return module == module_name(value) && code == static_cast<int>(value);
  }
};

/// A module's error enum: starts at 1 and offers to_string(E) and module_name(E) by argument-dependent
/// lookup.
template <class Enum>
concept error_enum = requires(Enum value) {
  { to_string(value) } -> std::convertible_to<std::string_view>;
  { module_name(value) } -> std::convertible_to<std::string_view>;
};

} // namespace troupe
