#include "model/template/format.hpp"
#include "model/template/methods.hpp"
#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

constexpr int64_t width_max = 10'000; // of zfill, ljust and the like

template <bool Left, bool Right>
template_value strip_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "strip", {"chars"});
  return stripped_text(meter, self.text(), Left, Right, bound[0]);
}

template <marked_text (*Change)(template_meter&, const marked_text&)>
template_value change_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  bind_arguments(arguments, "this method", {});
  return Change(meter, self.text());
}

/// Splits at white space, at most `limit` times (below 0: always); the last part keeps the rest as it is.
std::vector<template_value> split_at_space(meter_ref meter, const marked_text& text, int64_t limit) {
  std::vector<template_value> parts;
  const std::string_view bytes = text.bytes();
  std::size_t at = 0;
  for (;; --limit) {
    meter.steps(1);
    at += strip(bytes.substr(at), true, false).first;
    if (at == bytes.size())
      return parts;
    std::size_t end = limit == 0 ? bytes.size() : at;
    for (std::size_t next = end; next < bytes.size(); end = next)
      if (is_space(next_code_point(bytes, next)))
        break;
    parts.emplace_back(text.slice(at, end));
    at = end;
  }
}

/// The same from the right.
std::vector<template_value> rsplit_at_space(meter_ref meter, const marked_text& text, int64_t limit) {
  std::vector<template_value> parts;
  const std::string_view bytes = text.bytes();
  std::size_t end = bytes.size();
  for (;; --limit) {
    meter.steps(1);
    end = strip(bytes.substr(0, end), false, true).last;
    if (end == 0)
      break;
    std::size_t start = limit == 0 ? 0 : end;
    while (start > 0) {
      std::size_t lead = start - 1;
      while (lead > 0 && (static_cast<unsigned char>(bytes[lead]) & 0xC0) == 0x80)
        --lead;
      std::size_t next = lead;
      if (is_space(next_code_point(bytes, next)))
        break;
      start = lead;
    }
    parts.emplace_back(text.slice(start, end));
    end = start;
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<template_value> split_at(meter_ref meter, const marked_text& text, const std::string& separator,
                                     int64_t limit, bool from_right) {
  const std::string& bytes = text.bytes();
  std::vector<template_value> parts;
  std::size_t first = 0;
  std::size_t last = bytes.size();
  for (; limit != 0; --limit) {
    meter.steps(1);
    const std::size_t found =
        from_right
            ? (last < separator.size() ? std::string::npos : bytes.rfind(separator, last - separator.size()))
            : bytes.find(separator, first);
    if (found == std::string::npos)
      break;
    const std::size_t after = found + separator.size();
    if (from_right) {
      parts.emplace_back(text.slice(after, last));
      last = found;
    } else {
      parts.emplace_back(text.slice(first, found));
      first = after;
    }
  }
  parts.emplace_back(text.slice(first, last));
  if (from_right)
    std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool FromRight>
template_value split_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "split", {"sep", "maxsplit"});
  const int64_t limit =
      std::max<int64_t>(bound[1] != nullptr ? integer_argument(*bound[1], "split") : -1, -1);
  meter.text(self.text().size());
  if (bound[0] == nullptr || bound[0]->is_none())
    return make_list(FromRight ? rsplit_at_space(meter, self.text(), limit)
                               : split_at_space(meter, self.text(), limit));
  const std::string& separator = text_argument(*bound[0], "split").bytes();
  if (separator.empty())
    template_fail("split() needs a separator that is not empty");
  return make_list(split_at(meter, self.text(), separator, limit, FromRight));
}

template_value splitlines(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "splitlines", {"keepends"});
  std::vector<template_value> lines;
  for (marked_text& line : lines_of(meter, self.text(), bound[0] != nullptr && is_true(*bound[0])))
    lines.push_back(std::move(line));
  return make_list(std::move(lines));
}

template <bool AtStart>
template_value affix_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, AtStart ? "startswith" : "endswith", {"affix"}, 1);
  const auto matches = [&](const template_value& affix) {
    const std::string& bytes = text_argument(affix, AtStart ? "startswith" : "endswith").bytes();
    meter.steps(1);
    return AtStart ? self.bytes().starts_with(bytes) : self.bytes().ends_with(bytes);
  };
  if (bound[0]->is_list() && bound[0]->list().flavor == list_flavor::tuple)
    return std::any_of(bound[0]->list().items.begin(), bound[0]->list().items.end(), matches);
  return matches(*bound[0]);
}

template <bool AtStart>
template_value remove_affix_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  if (!affix_method<AtStart>(meter, self, arguments).boolean())
    return self;
  const std::size_t size = self.text().size();
  const std::size_t affix = text_argument(arguments.positional[0], "removeprefix").size();
  return AtStart ? self.text().slice(affix, size) : self.text().slice(0, size - affix);
}

template_value replace(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "replace", {"old", "new", "count"}, 2);
  return replaced_text(meter, self.text(), text_argument(*bound[0], "replace"),
                       text_argument(*bound[1], "replace"),
                       bound[2] != nullptr ? integer_argument(*bound[2], "replace") : -1);
}

template <bool FromRight, bool Required>
template_value find_method_of_text(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "find", {"sub", "start", "end"}, 1);
  const std::string& wanted = text_argument(*bound[0], "find").bytes();
  const template_value none;
  const template_value start = bound[1] != nullptr ? *bound[1] : template_value(int64_t{0});
  const template_value part = slice_of(meter, self, start, bound[2] != nullptr ? *bound[2] : none, none);
  const template_value head = slice_of(meter, self, none, start, none);
  const std::size_t found = FromRight ? part.bytes().rfind(wanted) : part.bytes().find(wanted);
  if (found != std::string::npos)
    return template_value::count(count_code_points(std::string_view(part.bytes()).substr(0, found)) +
                                 length_of(head));
  if (Required)
    template_fail("the substring is not in the string");
  return int64_t{-1};
}

template_value count_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "count", {"sub"}, 1);
  const std::string& wanted = text_argument(*bound[0], "count").bytes();
  meter.text(self.text().size());
  if (wanted.empty())
    return template_value::count(length_of(self) + 1);
  int64_t count = 0;
  for (std::size_t at = 0; (at = self.bytes().find(wanted, at)) != std::string::npos; at += wanted.size())
    ++count;
  return count;
}

template_value join(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "join", {"iterable"}, 1);
  marked_text out;
  bool first = true;
  for (const template_value& item : items_of(meter, *bound[0])) {
    if (!first)
      out.append(self.text());
    first = false;
    out.append(text_argument(item, "join"));
    if (out.size() > 1024)
      meter.text(self.text().size() + item.text().size());
  }
  meter.text(out.size());
  return out;
}

template <bool FromRight>
template_value partition(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "partition", {"sep"}, 1);
  const std::string& separator = text_argument(*bound[0], "partition").bytes();
  if (separator.empty())
    template_fail("partition() needs a separator that is not empty");
  meter.text(self.text().size());
  const marked_text& text = self.text();
  const std::size_t found = FromRight ? text.bytes().rfind(separator) : text.bytes().find(separator);
  std::vector<template_value> parts(3, template_value(marked_text()));
  if (found == std::string::npos) {
    parts[FromRight ? 2 : 0] = self;
  } else {
    const std::size_t after = found + separator.size();
    parts[0] = text.slice(0, found);
    parts[1] = text.slice(found, after);
    parts[2] = text.slice(after, text.size());
  }
  return make_list(std::move(parts), list_flavor::tuple);
}

/// Whether all code points satisfy it, and there is one.
template <bool (*Test)(uint32_t)>
template_value all_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  bind_arguments(arguments, "this method", {});
  meter.steps(self.text().size() / 16 + 1);
  for (std::size_t at = 0; at < self.bytes().size();)
    if (!Test(next_code_point(self.bytes(), at)))
      return false;
  return self.text().size() > 0;
}

bool is_letter_or_digit(uint32_t code_point) {
  return is_letter(code_point) || is_digit(code_point);
}

/// Whether there is a cased character and none of the other case.
template <bool (*Wanted)(uint32_t)>
template_value case_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  bind_arguments(arguments, "this method", {});
  meter.steps(self.text().size() / 16 + 1);
  bool any = false;
  for (std::size_t at = 0; at < self.bytes().size();) {
    const uint32_t code_point = next_code_point(self.bytes(), at);
    if (is_cased(code_point) && !Wanted(code_point))
      return false;
    any = any || is_cased(code_point);
  }
  return any;
}

/// side -1: text left; 1: text right; 0: centred.
template <int Side>
template_value justify(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "justify", {"width", "fillchar"}, 1);
  const int64_t width = std::max<int64_t>(integer_argument(*bound[0], "justify"), 0);
  const marked_text fill =
      bound[1] != nullptr ? text_argument(*bound[1], "justify") : marked_text(" ", false);
  const auto length = static_cast<int64_t>(length_of(self));
  if (width > width_max)
    template_fail(fmt::format("a width above {} is refused", width_max));
  const int64_t missing = std::max<int64_t>(width - length, 0);
  const int64_t left = Side < 0 ? 0 : Side > 0 ? missing : missing / 2 + (missing & width & 1);
  meter.text(self.text().size() + static_cast<uint64_t>(missing) * fill.size());
  marked_text out;
  for (int64_t i = 0; i < left; ++i)
    out.append(fill);
  out.append(self.text());
  for (int64_t i = left; i < missing; ++i)
    out.append(fill);
  return out;
}

template_value zfill(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "zfill", {"width"}, 1);
  const int64_t width = std::clamp<int64_t>(integer_argument(*bound[0], "zfill"), 0, width_max);
  const auto length = static_cast<int64_t>(length_of(self));
  const bool sign = !self.bytes().empty() && (self.bytes()[0] == '-' || self.bytes()[0] == '+');
  marked_text out = self.text().slice(0, sign);
  out.append(std::string(static_cast<std::size_t>(std::max<int64_t>(width - length, 0)), '0'), false);
  out.append(self.text(), sign, self.text().size());
  meter.text(out.size());
  return out;
}

/// str.format with fields {} {0} {name}; attributes and format specifications are refused.
template_value format_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  marked_text out;
  const std::string& bytes = self.bytes();
  std::size_t automatic = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t brace = std::min(bytes.find_first_of("{}", at), bytes.size());
    out.append(self.text(), at, brace);
    at = brace;
    if (at == bytes.size())
      break;
    if (at + 1 < bytes.size() && bytes[at + 1] == bytes[at]) {
      out.append(self.text(), at, at + 1);
      at += 2;
      continue;
    }
    const std::size_t close = bytes.find('}', at);
    if (bytes[at] == '}' || close == std::string::npos)
      template_fail("a single brace in a format");
    const std::string field = bytes.substr(at + 1, close - at - 1);
    at = close + 1;
    const template_value* value = nullptr;
    const bool digits = field.size() < 6 &&
                        std::all_of(field.begin(), field.end(), [](char c) { return c >= '0' && c <= '9'; });
    const std::size_t index = field.empty() ? automatic++ : digits ? std::stoul(field) : SIZE_MAX;
    if (index < arguments.positional.size())
      value = &arguments.positional[index];
    for (const auto& [name, named] : arguments.named)
      if (name == field)
        value = &named;
    if (value == nullptr)
      template_fail(fmt::format("the field '{}' of a format is missing or not supported", field));
    out.append(to_text(meter, *value));
    meter.text(out.size());
  }
  return out;
}

struct named_method {
  std::string_view name;
  template_method method;
};

constexpr named_method methods[] = {
    {"strip", strip_method<true, true>},
    {"lstrip", strip_method<true, false>},
    {"rstrip", strip_method<false, true>},
    {"upper", change_method<upper_text>},
    {"lower", change_method<lower_text>},
    {"casefold", change_method<lower_text>},
    {"title", change_method<title_text>},
    {"capitalize", change_method<capitalized_text>},
    {"split", split_method<false>},
    {"rsplit", split_method<true>},
    {"splitlines", splitlines},
    {"startswith", affix_method<true>},
    {"endswith", affix_method<false>},
    {"removeprefix", remove_affix_method<true>},
    {"removesuffix", remove_affix_method<false>},
    {"replace", replace},
    {"find", find_method_of_text<false, false>},
    {"rfind", find_method_of_text<true, false>},
    {"index", find_method_of_text<false, true>},
    {"rindex", find_method_of_text<true, true>},
    {"count", count_method},
    {"join", join},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
    {"isspace", all_method<is_space>},
    {"isdigit", all_method<is_digit>},
    {"isdecimal", all_method<is_digit>},
    {"isnumeric", all_method<is_digit>},
    {"isalpha", all_method<is_letter>},
    {"isalnum", all_method<is_letter_or_digit>},
    {"isupper", case_method<is_upper>},
    {"islower", case_method<is_lower>},
    {"ljust", justify<-1>},
    {"rjust", justify<1>},
    {"center", justify<0>},
    {"zfill", zfill},
    {"format", format_method},
};

} // namespace

template_method find_text_method(std::string_view name) {
  const auto found = std::find_if(std::begin(methods), std::end(methods),
                                  [name](const named_method& each) { return each.name == name; });
  return found == std::end(methods) ? nullptr : found->method;
}

} // namespace troupe
