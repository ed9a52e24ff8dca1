#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// A test: `value is name(arguments)`.
using template_predicate = bool (*)(template_meter&, const template_value&, const call_arguments&);

/// Null if there is none of that name.
template_predicate find_predicate(std::string_view name);

} // namespace troupe
