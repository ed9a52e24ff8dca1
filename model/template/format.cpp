#include "model/template/format.hpp"

#include "model/template/unicode.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace troupe {

namespace {

std::string hex_escape(uint32_t c) {
  return c < 0x100     ? fmt::format("\\x{:02x}", c)
         : c < 0x10000 ? fmt::format("\\u{:04x}", c)
                       : fmt::format("\\U{:08x}", c);
}

std::string escaped(uint32_t c, char quote) {
  switch (c) {
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\t':
    return "\\t";
  case '\\':
    return "\\\\";
  default:
    break;
  }
  if (c == static_cast<unsigned char>(quote))
    return {'\\', quote};
  if (!is_printable(c))
    return hex_escape(c);
  std::string out;
  append_code_point(out, c);
  return out;
}

marked_text quoted(const marked_text& text) {
  const bool has_single = text.bytes().find('\'') != std::string::npos;
  const char quote = has_single && text.bytes().find('"') == std::string::npos ? '"' : '\'';
  marked_text out(std::string(1, quote), false);
  text.for_each_run([&](std::string_view bytes, bool plain) {
    std::string run;
    for (std::size_t at = 0; at < bytes.size();)
      run += escaped(next_code_point(bytes, at), quote);
    out.append(run, plain);
  });
  out.append(std::string(1, quote), false);
  return out;
}

void append_repr(template_meter& meter, marked_text& out, const template_value& value);

std::string_view opening_of(list_flavor flavor) {
  switch (flavor) {
  case list_flavor::tuple:
    return "(";
  case list_flavor::keys:
    return "dict_keys([";
  case list_flavor::values:
    return "dict_values([";
  case list_flavor::entries:
    return "dict_items([";
  default:
    return "[";
  }
}

void append_list(template_meter& meter, marked_text& out, const template_list& list) {
  if (list.flavor == list_flavor::range) {
    out.append(list.step == 1 ? fmt::format("range({}, {})", list.start, list.stop)
                              : fmt::format("range({}, {}, {})", list.start, list.stop, list.step),
               false);
    return;
  }
  const bool tuple = list.flavor == list_flavor::tuple;
  const std::string_view opening = opening_of(list.flavor);
  out.append(opening, false);
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0)
      out.append(", ", false);
    append_repr(meter, out, list.items[i]);
  }
  if (tuple && list.items.size() == 1)
    out.append(",", false);
  out.append(tuple ? ")" : opening.size() > 1 ? "])" : "]", false);
}

void append_dict(template_meter& meter, marked_text& out, const template_dict& dict) {
  out.append("{", false);
  bool first = true;
  for (const auto& [key, item] : dict.entries()) {
    if (!first)
      out.append(", ", false);
    first = false;
    append_repr(meter, out, key);
    out.append(": ", false);
    append_repr(meter, out, item);
  }
  out.append("}", false);
}

void append_repr(template_meter& meter, marked_text& out, const template_value& value) {
  meter.steps(1);
  const std::size_t before = out.size();
  if (value.is_text() && value.text().is_markup()) {
    out.append("Markup(", false);
    out.append(quoted(value.text()));
    out.append(")", false);
  } else if (value.is_text())
    out.append(quoted(value.text()));
  else if (value.is_undefined())
    out.append("Undefined", false);
  else if (value.is_list())
    append_list(meter, out, value.list());
  else if (value.is_dict())
    append_dict(meter, out, value.dict());
  else if (value.is_none())
    out.append("None", false);
  else if (value.is_bool())
    out.append(value.boolean() ? "True" : "False", false);
  else if (value.is_integer())
    out.append(std::to_string(value.integer()), false);
  else if (value.is_float())
    out.append(float_repr(value.number()), false);
  else
    out.append(value.as<template_object>()->shown(meter));
  if (!value.is_list() && !value.is_dict())
    meter.text(out.size() - before);
}

} // namespace

marked_text ascii_text(const marked_text& text) {
  marked_text out;
  text.for_each_run([&](std::string_view bytes, bool plain) {
    std::string run;
    for (std::size_t at = 0; at < bytes.size();) {
      const uint32_t c = next_code_point(bytes, at);
      run += c < 0x80 ? std::string(1, static_cast<char>(c)) : hex_escape(c);
    }
    out.append(run, plain);
  });
  return out;
}

std::string float_repr(double number) {
  if (std::isnan(number))
    return "nan";
  if (std::isinf(number))
    return number < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t digits_at = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + digits_at, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16)
    return fmt::format("{}e{}{:02}", text.substr(0, e), exponent < 0 ? '-' : '+', std::abs(exponent));
  const auto fixed_end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed).ptr;
  std::string fixed(buffer, fixed_end);
  if (fixed.find('.') == std::string::npos)
    fixed += ".0";
  return fixed;
}

marked_text to_repr(template_meter& meter, const template_value& value) {
  marked_text out;
  append_repr(meter, out, value);
  meter.text(out.size());
  return out;
}

marked_text to_text(template_meter& meter, const template_value& value) {
  if (value.is_text())
    return value.text().as_markup(false);
  if (value.is_undefined())
    return {};
  return to_repr(meter, value);
}

} // namespace troupe
