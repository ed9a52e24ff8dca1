#pragma once

#include "base/error.hpp"

#include <tl/expected.hpp>

namespace troupe {

/// A value, or an error with a sentence of context.
template <class T>
using result = tl::expected<T, error>;

/// Success, or an error with a sentence of context.
using status = result<void>;

/// return failure(page_error::out_of_pages, "need 7 pages, have 3");
template <error_enum Enum>
tl::unexpected<error> failure(Enum value, std::string message) {
  return tl::unexpected<error>(error{std::string(module_name(value)), static_cast<int>(value),
                                     std::string(to_string(value)), std::move(message)});
}

/// Passes an error on: if (!x) return forward_error(x);
template <class T>
tl::unexpected<error> forward_error(const result<T>& failed) {
  return tl::unexpected<error>(failed.error());
}

} // namespace troupe
