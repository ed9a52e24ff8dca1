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

/// self[start:end] of the arguments behind the first.
template_value part_of(meter_ref meter, value_ref self, const std::vector<const template_value*>& bound) {
  const template_value none;
  return slice_of(meter, self, bound[1] != nullptr ? *bound[1] : none, bound[2] != nullptr ? *bound[2] : none,
                  none);
}

/// Whether start lies behind the end: then not even the empty string is found.
bool starts_behind(value_ref self, const template_value* start) {
  return start != nullptr && start->is_integer() && start->integer() > static_cast<int64_t>(length_of(self));
}

template <bool AtStart>
template_value affix_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound =
      bind_arguments(arguments, AtStart ? "startswith" : "endswith", {"affix", "start", "end"}, 1);
  const bool whole = bound[1] == nullptr && bound[2] == nullptr;
  const template_value part = whole ? self : part_of(meter, self, bound);
  const bool behind = starts_behind(self, bound[1]);
  const auto matches = [&](const template_value& affix) {
    const std::string& bytes = text_argument(affix, AtStart ? "startswith" : "endswith").bytes();
    meter.steps(1);
    return !behind && (AtStart ? part.bytes().starts_with(bytes) : part.bytes().ends_with(bytes));
  };
  if (bound[0]->is_list() && bound[0]->list().flavor == list_flavor::tuple)
    return std::any_of(bound[0]->list().items.begin(), bound[0]->list().items.end(), matches);
  return matches(*bound[0]);
}

template <bool AtStart>
template_value remove_affix_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, AtStart ? "removeprefix" : "removesuffix", {"affix"}, 1);
  const std::size_t affix = text_argument(*bound[0], "removeprefix").size();
  const std::size_t size = self.text().size();
  if (!affix_method<AtStart>(meter, self, arguments).boolean())
    return self;
  return AtStart ? self.text().slice(affix, size) : self.text().slice(0, size - affix);
}

template_value replace(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "replace", {"old", "new", "count"}, 2);
  const marked_text& fresh = text_argument(*bound[1], "replace");
  return replaced_text(meter, self.text(), text_argument(*bound[0], "replace"),
                       self.text().is_markup() ? escaped_text(meter, fresh) : fresh,
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
  if (starts_behind(self, &start)) {
    if (Required)
      template_fail("the substring is not in the string");
    return int64_t{-1};
  }
  const std::size_t found = FromRight ? part.bytes().rfind(wanted) : part.bytes().find(wanted);
  if (found != std::string::npos)
    return template_value::count(count_code_points(std::string_view(part.bytes()).substr(0, found)) +
                                 length_of(head));
  if (Required)
    template_fail("the substring is not in the string");
  return int64_t{-1};
}

template_value count_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "count", {"sub", "start", "end"}, 1);
  const std::string& wanted = text_argument(*bound[0], "count").bytes();
  const template_value part = part_of(meter, self, bound);
  if (wanted.empty())
    return starts_behind(self, bound[1]) ? template_value(int64_t{0})
                                         : template_value::count(length_of(part) + 1);
  int64_t count = 0;
  for (std::size_t at = 0; (at = part.bytes().find(wanted, at)) != std::string::npos; at += wanted.size())
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
    const std::size_t before = out.size();
    if (self.text().is_markup()) // takes anything, and escapes it
      out.append(escaped_text(meter, item.is_text() ? item.text() : to_text(meter, item)));
    else
      out.append(text_argument(item, "join"));
    if (out.size() > 1024)
      meter.text(self.text().size() + out.size() - before);
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

/// side -1: text left; 1: text right; 0: centred.
template <int Side>
template_value justify(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "justify", {"width", "fillchar"}, 1);
  const int64_t width = std::max<int64_t>(integer_argument(*bound[0], "justify"), 0);
  const marked_text fill =
      bound[1] != nullptr ? text_argument(*bound[1], "justify") : marked_text(" ", false);
  if (count_code_points(fill.bytes()) != 1)
    template_fail("the fill character must be exactly one character long");
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

template_value expandtabs(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "expandtabs", {"tabsize"});
  const int64_t size = bound[0] != nullptr ? integer_argument(*bound[0], "expandtabs") : 8;
  if (size > width_max)
    template_fail(fmt::format("a width above {} is refused", width_max));
  marked_text out;
  int64_t column = 0;
  self.text().for_each_run([&](std::string_view bytes, bool plain) {
    for (const char c : bytes) {
      if (c != '\t') {
        out.append(std::string_view(&c, 1), plain);
        column = c == '\n' || c == '\r' ? 0 : column + ((static_cast<unsigned char>(c) & 0xC0) != 0x80);
        continue;
      }
      const int64_t spaces = size > 0 ? size - column % size : 0;
      meter.text(static_cast<uint64_t>(spaces) + 1);
      out.append(std::string(static_cast<std::size_t>(spaces), ' '), plain);
      column += spaces;
    }
  });
  meter.text(out.size());
  return out;
}

template_value format_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  return brace_format(meter, self.text(), arguments);
}

template_value format_map_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "format_map", {"mapping"}, 1);
  if (!bound[0]->is_dict())
    template_fail(fmt::format("format_map() needs a mapping, got {}", bound[0]->type_name()));
  call_arguments named;
  for (const auto& [key, value] : bound[0]->dict().entries())
    if (key.is_text())
      named.named.emplace_back(key.bytes(), value);
  meter.steps(named.named.size());
  return brace_format(meter, self.text(), named);
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
    {"casefold", change_method<folded_text>},
    {"swapcase", change_method<swapped_text>},
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
    {"ljust", justify<-1>},
    {"rjust", justify<1>},
    {"center", justify<0>},
    {"zfill", zfill},
    {"expandtabs", expandtabs},
    {"format", format_method},
    {"format_map", format_map_method},
};

} // namespace

template_method find_text_method(std::string_view name) {
  const auto found = std::find_if(std::begin(methods), std::end(methods),
                                  [name](const named_method& each) { return each.name == name; });
  return found != std::end(methods) ? found->method : find_text_question(name);
}

} // namespace troupe
