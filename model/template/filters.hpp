#pragma once

#include "model/template/value.hpp"

namespace troupe {

/// A filter: `value | name(arguments)`. Names and meanings are Jinja 3.1's, tojson is transformers'.
using template_filter = template_value (*)(template_meter&, const template_value&, const call_arguments&);

/// Null if there is none of that name.
template_filter find_filter(std::string_view name);

struct named_filter {
  std::string_view name;
  template_filter filter;
};

/// The parts of the table.
template_filter find_text_filter(std::string_view name);
template_filter find_layout_filter(std::string_view name);
template_filter find_web_filter(std::string_view name);
template_filter find_list_filter(std::string_view name);
template_filter find_order_filter(std::string_view name);

/// The value under "a.b.0": names and positions, one after the other. A null path gives the value itself.
template_value attribute_path(template_meter& meter, const template_value& value, const template_value* path);

} // namespace troupe
