#pragma once

#include "model/errors.hpp"

#include <string>

namespace troupe {

/// How an error leaves the depths of the parser and the interpreter. Thrown and caught inside model/template:
/// chat_template turns it into a result, adding where in the template it happened.
struct template_failure {
  model_error code;
  std::string message;
};

/// A wrong type, an undefined value, a refused access.
[[noreturn]] inline void template_fail(std::string message) {
  throw template_failure{model_error::template_failed, std::move(message)};
}

/// A bound of template_limits was reached.
[[noreturn]] inline void template_over_limit(std::string message) {
  throw template_failure{model_error::template_limit, std::move(message)};
}

} // namespace troupe
