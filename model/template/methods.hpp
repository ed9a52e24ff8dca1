#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// A method of strings, lists or dicts, as Python has it.
using template_method = template_value (*)(template_meter&, const template_value& self,
                                           const call_arguments&);

/// Null if values of this type have no method of that name.
template_method find_method(const template_value& value, std::string_view name);

/// Whether the sandbox refuses it: what would change a list or dict, and Python's inner attributes.
bool is_refused_attribute(const template_value& value, std::string_view name);

template_method find_text_method(std::string_view name);
template_method find_text_question(std::string_view name);

} // namespace troupe
