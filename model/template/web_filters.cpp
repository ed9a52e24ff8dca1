// Filters for HTML and addresses, and those that this interpreter does not offer.
#include "model/template/filters.hpp"
#include "model/template/format.hpp"
#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

marked_text soft_text(meter_ref meter, value_ref value) {
  return value.is_text() ? value.text() : to_text(meter, value);
}

template_value safe(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "safe", {});
  return to_text(meter, value).as_markup();
}

template_value escape(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "escape", {});
  return escaped_text(meter, soft_text(meter, value));
}

template_value force_escape(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "forceescape", {});
  return escaped_text(meter, soft_text(meter, value), true);
}

/// Percent-encodes all but letters, digits and _.-~ ; a path keeps its slashes, a query has '+' for spaces.
marked_text quoted(meter_ref meter, value_ref value, bool query) {
  const marked_text text = to_text(meter, value);
  meter.text(text.size() * 3);
  marked_text out;
  text.for_each_run([&](std::string_view bytes, bool plain) {
    std::string run;
    for (const char c : bytes) {
      const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !query);
      if (kept)
        run += c;
      else
        run += c == ' ' && query ? "+" : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    out.append(run, plain);
  });
  return out;
}

template_value urlencode(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "urlencode", {});
  if (!value.is_list() && !value.is_dict() && !value.is_undefined())
    return quoted(meter, value, false);
  marked_text out;
  const auto add = [&](value_ref key, value_ref item) {
    if (out.size() > 0)
      out.append("&", false);
    out.append(quoted(meter, key, true));
    out.append("=", false);
    out.append(quoted(meter, item, true));
    meter.text(out.size());
  };
  if (value.is_dict()) {
    for (const auto& [key, item] : value.dict().entries())
      add(key, item);
    return out;
  }
  for (const template_value& pair : items_of(meter, value)) {
    const std::vector<template_value> two = items_of(meter, pair);
    if (two.size() != 2)
      template_fail("urlencode needs a string, a mapping or pairs");
    add(two[0], two[1]);
  }
  return out;
}

template_value xmlattr(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "xmlattr", {"autospace"});
  if (!value.is_dict())
    template_fail(fmt::format("xmlattr needs a mapping, got {}", value.type_name()));
  marked_text out;
  for (const auto& [key, item] : value.dict().entries()) {
    meter.steps(1);
    if (item.is_none() || item.is_undefined())
      continue;
    if (text_argument(key, "xmlattr").bytes().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      template_fail("an attribute's name holds a space, '/', '>' or '='");
    if (out.size() > 0 || bound[0] == nullptr || is_true(*bound[0]))
      out.append(" ", false);
    out.append(escaped_text(meter, key.text()));
    out.append("=\"", false);
    out.append(escaped_text(meter, soft_text(meter, item)));
    out.append("\"", false);
    meter.text(out.size());
  }
  return out;
}

/// Jinja has them; a chat template has no use for them.
template_value refused(meter_ref, value_ref, arguments_ref) {
  template_fail("the filters pprint, striptags, urlize and wordwrap are not supported");
}

template_value random(meter_ref, value_ref, arguments_ref) {
  template_fail("the filter random is refused: the same messages must give the same prompt");
}

constexpr named_filter filters[] = {
    {"safe", safe},       {"escape", escape},       {"e", escape},       {"forceescape", force_escape},
    {"xmlattr", xmlattr}, {"urlencode", urlencode}, {"pprint", refused}, {"striptags", refused},
    {"urlize", refused},  {"wordwrap", refused},    {"random", random},
};

} // namespace

template_filter find_web_filter(std::string_view name) {
  const auto found = std::find_if(std::begin(filters), std::end(filters),
                                  [name](const named_filter& each) { return each.name == name; });
  return found == std::end(filters) ? nullptr : found->filter;
}

} // namespace troupe
