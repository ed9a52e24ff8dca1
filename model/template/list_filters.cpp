#include "model/template/filters.hpp"
#include "model/template/format.hpp"
#include "model/template/operators.hpp"
#include "model/template/predicates.hpp"
#include "model/template/text_tools.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

template_value use_default(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "default", {"default_value", "boolean"});
  const bool falsy_too = bound[1] != nullptr && is_true(*bound[1]);
  if (!value.is_undefined() && !(falsy_too && !is_true(value)))
    return value;
  return bound[0] != nullptr ? *bound[0] : template_value(marked_text());
}

template_value length(meter_ref, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "length", {});
  return template_value::count(length_of(value));
}

template_value first(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "first", {});
  if (value.is_list() && value.list().flavor == list_flavor::iterator && !value.list().items.empty()) {
    auto& unread = value.list().items; // the rest can still be read
    template_value front = std::move(unread.front());
    meter.steps(unread.size() / 64 + 1);
    unread.erase(unread.begin());
    return front;
  }
  const std::vector<template_value> items = items_of(meter, value);
  return items.empty() ? template_value::undefined("no first item, sequence was empty") : items.front();
}

template_value last(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "last", {});
  if (value.is_list() && value.list().flavor == list_flavor::iterator)
    template_fail("a generator cannot be read from its end");
  const std::vector<template_value> items = items_of(meter, value);
  return items.empty() ? template_value::undefined("no last item, sequence was empty") : items.back();
}

template_value join(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "join", {"d", "attribute"});
  const marked_text separator = bound[0] != nullptr ? to_text(meter, *bound[0]) : marked_text();
  marked_text out;
  bool is_first = true;
  for (const template_value& item : items_of(meter, value)) {
    if (!is_first)
      out.append(separator);
    is_first = false;
    const marked_text text = to_text(meter, attribute_path(meter, item, bound[1]));
    meter.text(text.size() + separator.size());
    out.append(text);
  }
  meter.text(out.size());
  return out;
}

template_value list(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "list", {});
  return make_list(items_of(meter, value));
}

template_value items(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "items", {});
  if (!value.is_dict() && !value.is_undefined())
    template_fail(fmt::format("items needs a mapping, got {}", value.type_name()));
  std::vector<template_value> pairs;
  if (value.is_dict())
    for (const auto& [key, item] : value.dict().entries())
      pairs.push_back(make_list({key, item}, list_flavor::tuple));
  meter.steps(pairs.size());
  return make_list(std::move(pairs), list_flavor::iterator);
}

template_value reverse(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "reverse", {});
  std::vector<template_value> read = items_of(meter, value);
  std::reverse(read.begin(), read.end());
  if (!value.is_text()) // what has an order is read lazily, anything else is made a list first
    return make_list(std::move(read), value.is_list() && value.list().flavor == list_flavor::iterator
                                          ? list_flavor::list
                                          : list_flavor::iterator);
  marked_text out;
  for (const template_value& each : read)
    out.append(each.text());
  meter.text(out.size());
  return out.as_markup(value.text().is_markup());
}

template_value sum(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "sum", {"attribute", "start"});
  template_value total = bound[1] != nullptr ? *bound[1] : template_value(int64_t{0});
  for (const template_value& item : items_of(meter, value))
    total = arithmetic(meter, "+", total, attribute_path(meter, item, bound[0]));
  return total;
}

/// The arguments behind the first `skipped`.
call_arguments rest_of(arguments_ref arguments, std::size_t skipped) {
  call_arguments rest = arguments;
  const auto count = std::min(skipped, rest.positional.size());
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + static_cast<std::ptrdiff_t>(count));
  return rest;
}

/// What map, select and their kin go over: unlike a loop they take None, 0 and the like for empty.
std::vector<template_value> items_if_true(meter_ref meter, value_ref value) {
  return is_true(value) ? items_of(meter, value) : std::vector<template_value>();
}

template_value map(meter_ref meter, value_ref value, arguments_ref arguments) {
  if (!is_true(value)) // then not even the filter's name matters
    return make_list({}, list_flavor::iterator);
  std::vector<template_value> out;
  if (arguments.positional.empty()) {
    const auto bound = bind_arguments(arguments, "map", {"attribute", "default"}, 1);
    for (const template_value& item : items_if_true(meter, value)) {
      template_value found = attribute_path(meter, item, bound[0]);
      out.push_back(found.is_undefined() && bound[1] != nullptr ? *bound[1] : std::move(found));
    }
    return make_list(std::move(out), list_flavor::iterator);
  }
  const std::string& name = text_argument(arguments.positional[0], "map").bytes();
  const template_filter filter = find_filter(name);
  if (filter == nullptr)
    template_fail(fmt::format("no filter named '{}'", name));
  const call_arguments rest = rest_of(arguments, 1);
  for (const template_value& item : items_if_true(meter, value))
    out.push_back(filter(meter, item, rest));
  return make_list(std::move(out), list_flavor::iterator);
}

/// select, reject, selectattr, rejectattr: the items for which a test says so.
template <bool Wanted, bool ByAttribute>
template_value choose(meter_ref meter, value_ref value, arguments_ref arguments) {
  constexpr std::size_t skipped = ByAttribute ? 1 : 0;
  if (!is_true(value)) // then not even the test's name matters
    return make_list({}, list_flavor::iterator);
  if (ByAttribute && arguments.positional.empty())
    template_fail("selectattr and rejectattr need the name of an attribute");
  const template_value* path = ByAttribute ? arguments.positional.data() : nullptr;
  template_predicate test = nullptr;
  if (arguments.positional.size() > skipped) {
    const std::string& name = text_argument(arguments.positional[skipped], "select").bytes();
    test = find_predicate(name);
    if (test == nullptr)
      template_fail(fmt::format("no test named '{}'", name));
  }
  const call_arguments rest = rest_of(arguments, skipped + 1);
  std::vector<template_value> out;
  for (template_value& item : items_if_true(meter, value)) {
    const template_value seen = attribute_path(meter, item, path);
    if ((test != nullptr ? test(meter, seen, rest) : is_true(seen)) == Wanted)
      out.push_back(std::move(item));
  }
  return make_list(std::move(out), list_flavor::iterator);
}

template_value batch(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "batch", {"linecount", "fill_with"}, 1);
  const int64_t width = integer_argument(*bound[0], "batch");
  if (width < 1 || width > 10'000)
    template_fail("batch needs a count from 1 to 10000");
  std::vector<template_value> rows;
  std::vector<template_value> row;
  for (template_value& item : items_of(meter, value)) {
    row.push_back(std::move(item));
    if (row.size() == static_cast<std::size_t>(width))
      rows.push_back(make_list(std::exchange(row, {})));
  }
  if (!row.empty()) {
    if (bound[1] != nullptr && !bound[1]->is_none())
      row.resize(static_cast<std::size_t>(width), *bound[1]);
    rows.push_back(make_list(std::move(row)));
  }
  return make_list(std::move(rows), list_flavor::iterator);
}

/// So many lists of about the same length; with fill_with, of the same.
template_value slice(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "slice", {"slices", "fill_with"}, 1);
  const int64_t slices = integer_argument(*bound[0], "slice");
  if (slices == 0 || slices > 10'000)
    template_fail("slice needs a count from 1 to 10000");
  const std::vector<template_value> all = items_of(meter, value);
  std::vector<template_value> rows;
  auto at = all.begin();
  for (int64_t i = 0; i < slices; ++i) {
    meter.steps(1);
    const auto size = static_cast<int64_t>(all.size());
    const bool extra = i < size % slices;
    std::vector<template_value> row(at, at + size / slices + (extra ? 1 : 0));
    at += static_cast<std::ptrdiff_t>(row.size());
    if (bound[1] != nullptr && !bound[1]->is_none() && !extra)
      row.push_back(*bound[1]);
    rows.push_back(make_list(std::move(row)));
  }
  return make_list(std::move(rows), list_flavor::iterator);
}

template_value attribute(meter_ref, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "attr", {"name"}, 1);
  return own_attribute_of(value, text_argument(*bound[0], "attr").bytes());
}

constexpr named_filter filters[] = {
    {"default", use_default},
    {"d", use_default},
    {"length", length},
    {"count", length},
    {"first", first},
    {"last", last},
    {"join", join},
    {"list", list},
    {"items", items},
    {"reverse", reverse},
    {"sum", sum},
    {"map", map},
    {"select", choose<true, false>},
    {"reject", choose<false, false>},
    {"selectattr", choose<true, true>},
    {"rejectattr", choose<false, true>},
    {"batch", batch},
    {"slice", slice},
    {"attr", attribute},
};

} // namespace

template_filter find_list_filter(std::string_view name) {
  const auto found = std::find_if(std::begin(filters), std::end(filters),
                                  [name](const named_filter& each) { return each.name == name; });
  return found == std::end(filters) ? nullptr : found->filter;
}

template_filter find_filter(std::string_view name) {
  for (const auto find :
       {find_text_filter, find_list_filter, find_layout_filter, find_order_filter, find_web_filter})
    if (const template_filter found = find(name))
      return found;
  return nullptr;
}

template_value attribute_path(template_meter& meter, const template_value& value,
                              const template_value* path) {
  if (path == nullptr || path->is_none())
    return value;
  if (!path->is_text())
    return item_of(meter, value, *path);
  template_value at = value;
  const std::string& names = path->bytes();
  for (std::size_t start = 0; start <= names.size();) {
    const std::size_t dot = std::min(names.find('.', start), names.size());
    const std::string name = names.substr(start, dot - start);
    int64_t index = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool numeric = !name.empty() && name[0] != '-' && parsed.ec == std::errc() &&
                         parsed.ptr == name.data() + name.size();
    at = item_of(meter, at, numeric ? template_value(index) : template_value(marked_text(name, false)));
    start = dot + 1;
  }
  return at;
}

} // namespace troupe
