#include "model/template/loop_object.hpp"
#include "model/template/methods.hpp"
#include "model/template/operators.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

bool has_positions(const template_value& value) {
  return value.is_list() && is_sequence(value.list().flavor);
}

/// What a method of markup gives is markup again, also inside lists.
template_value as_markup(const template_value& value) {
  if (value.is_text())
    return value.text().as_markup();
  if (!value.is_list())
    return value;
  std::vector<template_value> items;
  for (const template_value& each : value.list().items)
    items.push_back(as_markup(each));
  return make_list(std::move(items), value.list().flavor);
}

template_value missing(const template_value& value, std::string_view name) {
  return template_value::undefined(fmt::format("'{} object' has no attribute '{}'", value.type_name(), name));
}

/// The key or position, or null; a string's character is made into `made`.
const template_value* find_item(template_meter& meter, const template_value& value, const template_value& key,
                                template_value& made) {
  if (value.is_dict())
    return template_dict::is_key(key) ? value.dict().find(key) : nullptr;
  if (!key.is_number() || key.is_float())
    return nullptr;
  int64_t index = key.integer();
  if (has_positions(value)) {
    const auto& items = value.list().items;
    index += index < 0 ? static_cast<int64_t>(items.size()) : 0;
    return index >= 0 && index < static_cast<int64_t>(items.size()) ? &items[static_cast<std::size_t>(index)]
                                                                    : nullptr;
  }
  if (!value.is_text())
    return nullptr;
  const std::string& bytes = value.bytes();
  meter.steps(bytes.size() / 64 + 1);
  const auto count = static_cast<int64_t>(count_code_points(bytes));
  index += index < 0 ? count : 0;
  if (index < 0 || index >= count)
    return nullptr;
  const std::size_t first = code_point_offset(bytes, static_cast<std::size_t>(index));
  std::size_t last = first;
  next_code_point(bytes, last);
  made = value.text().slice(first, last).as_markup(value.text().is_markup());
  return &made;
}

/// A method or an object's attribute; false if it has none. Mutating methods are there but refused.
bool find_attribute(const template_value& value, const std::string& name, template_value& found) {
  if (auto* object = value.as<template_object>()) {
    const template_value* attribute = object->attribute(name);
    if (attribute != nullptr)
      found = *attribute;
    return attribute != nullptr;
  }
  if (value.is_list() && value.list().is_group && (name == "grouper" || name == "list")) {
    found = value.list().items[name == "list"];
    return true;
  }
  if (is_refused_attribute(value, name)) {
    found = template_value::undefined(
        fmt::format("access to attribute '{}' of '{}' object is unsafe", name, value.type_name()));
    return true;
  }
  const template_method method = find_method(value, name);
  if (method == nullptr)
    return false;
  found = make_callable(name, [method, value](template_meter& meter, const call_arguments& arguments) {
    const template_value result = method(meter, value, arguments);
    return value.is_text() && value.text().is_markup() ? as_markup(result) : result;
  });
  return true;
}

int64_t slice_bound(const template_value& bound, int64_t length, bool forward, int64_t otherwise) {
  if (bound.is_none())
    return otherwise;
  if (!bound.is_number() || bound.is_float())
    template_fail(fmt::format("a slice needs whole numbers, got {}", bound.type_name()));
  int64_t at = bound.integer();
  if (at < 0)
    at = std::max<int64_t>(at + length, forward ? 0 : -1);
  return std::min(at, forward ? length : length - 1);
}

} // namespace

std::size_t length_of(const template_value& value) {
  if (value.is_text())
    return count_code_points(value.bytes());
  if (value.is_list() && value.list().flavor != list_flavor::iterator)
    return value.list().items.size();
  if (value.is_dict())
    return value.dict().entries().size();
  if (const auto* loop = value.as<loop_object>())
    return loop->items().size();
  if (value.is_undefined())
    return 0;
  template_fail(fmt::format("a {} has no length", value.type_name()));
}

std::vector<template_value> items_of(template_meter& meter, const template_value& value) {
  std::vector<template_value> items;
  if (value.is_list()) {
    meter.steps(value.list().items.size());
    if (value.list().flavor == list_flavor::iterator)
      std::swap(items, value.list().items);
    else
      items = value.list().items;
  } else if (value.is_dict()) {
    meter.steps(value.dict().entries().size());
    for (const auto& entry : value.dict().entries())
      items.push_back(entry.first);
  } else if (value.is_text()) {
    const std::string& bytes = value.bytes();
    meter.steps(bytes.size());
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t first = at;
      next_code_point(bytes, at);
      items.push_back(value.text().slice(first, at));
    }
  } else if (!value.is_undefined()) {
    template_fail(fmt::format("a {} cannot be looped over", value.type_name()));
  }
  return items;
}

template_value attribute_of(template_meter& meter, const template_value& value, const std::string& name) {
  if (value.is_undefined())
    template_fail(value.reason());
  meter.steps(1);
  template_value found;
  if (find_attribute(value, name, found))
    return found;
  const template_value* item = value.is_dict() ? value.dict().find(name) : nullptr;
  return item != nullptr ? *item : missing(value, name);
}

template_value own_attribute_of(const template_value& value, const std::string& name) {
  template_value found;
  return !value.is_undefined() && find_attribute(value, name, found) ? found : missing(value, name);
}

template_value item_of(template_meter& meter, const template_value& value, const template_value& key) {
  if (value.is_undefined())
    template_fail(value.reason());
  template_value made;
  if (const template_value* item = find_item(meter, value, key, made))
    return *item;
  if (!key.is_text())
    return template_value::undefined(fmt::format("'{} object' has no such element", value.type_name()));
  return find_attribute(value, key.bytes(), made) ? made : missing(value, key.bytes());
}

namespace {

/// A slice of a range is a range again.
template_value slice_of_range(template_meter& meter, const template_list& range, int64_t first, int64_t last,
                              int64_t by) {
  meter.steps(range.items.size());
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 0;
  if (__builtin_mul_overflow(first, range.step, &start) || __builtin_mul_overflow(last, range.step, &stop) ||
      __builtin_mul_overflow(by, range.step, &step) || __builtin_add_overflow(start, range.start, &start) ||
      __builtin_add_overflow(stop, range.start, &stop))
    template_fail("a whole number does not fit 64 bits");
  return make_range(start, stop, step);
}

} // namespace

template_value slice_of(template_meter& meter, const template_value& value, const template_value& start,
                        const template_value& stop, const template_value& step) {
  if (value.is_undefined())
    template_fail(value.reason());
  if (!value.is_text() && !has_positions(value))
    template_fail(fmt::format("a {} cannot be sliced", value.type_name()));
  if (!step.is_none() && (!step.is_number() || step.is_float() || step.integer() == 0))
    template_fail("a slice's step must be a whole number other than 0");
  const int64_t by = step.is_none() ? 1 : step.integer();
  const bool forward = by > 0;
  const auto length = static_cast<int64_t>(length_of(value));
  const int64_t first = slice_bound(start, length, forward, forward ? 0 : length - 1);
  const int64_t last = slice_bound(stop, length, forward, forward ? length : -1);
  if (value.is_text() && by == 1) {
    const std::string& bytes = value.bytes();
    meter.text(bytes.size());
    return value.text()
        .slice(code_point_offset(bytes, static_cast<std::size_t>(first)),
               code_point_offset(bytes, static_cast<std::size_t>(std::max(first, last))))
        .as_markup(value.text().is_markup());
  }
  if (value.is_list() && value.list().flavor == list_flavor::range)
    return slice_of_range(meter, value.list(), first, last, by);
  const std::vector<template_value> items = items_of(meter, value);
  std::vector<template_value> picked;
  // A stride beyond the length takes one item; it must not overflow the sum.
  const int64_t safe = std::clamp<int64_t>(by, -length - 1, length + 1);
  for (int64_t at = first; forward ? at < last : at > last; at += safe)
    picked.push_back(items[static_cast<std::size_t>(at)]);
  if (!value.is_text())
    return make_list(std::move(picked), value.list().flavor);
  marked_text out;
  for (const template_value& each : picked)
    out.append(each.text());
  meter.text(out.size());
  return out.as_markup(value.text().is_markup());
}

template_value call_value(template_meter& meter, const template_value& callee,
                          const call_arguments& arguments) {
  if (callee.is_undefined())
    template_fail(callee.reason());
  auto* const object = callee.as<template_object>();
  if (object == nullptr)
    template_fail(fmt::format("a {} cannot be called", callee.type_name()));
  meter.steps(1);
  return object->call(meter, arguments);
}

} // namespace troupe
