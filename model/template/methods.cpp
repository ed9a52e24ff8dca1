#include "model/template/methods.hpp"

#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"

#include <algorithm>
#include <array>

namespace troupe {

namespace {

template_value dict_get(template_meter& meter, const template_value& self, const call_arguments& arguments) {
  meter.steps(1);
  const auto bound = bind_arguments(arguments, "get", {"key", "default"}, 1);
  const template_value* found = self.dict().find(*bound[0]);
  return found != nullptr ? *found : bound[1] != nullptr ? *bound[1] : template_value();
}

template_value dict_items(template_meter& meter, const template_value& self,
                          const call_arguments& arguments) {
  bind_arguments(arguments, "items", {});
  meter.steps(self.dict().entries().size());
  std::vector<template_value> items;
  for (const auto& [key, value] : self.dict().entries())
    items.push_back(make_list({key, value}, list_flavor::tuple));
  return make_list(std::move(items), list_flavor::entries);
}

template_value dict_keys(template_meter& meter, const template_value& self, const call_arguments& arguments) {
  bind_arguments(arguments, "keys", {});
  return make_list(items_of(meter, self), list_flavor::keys);
}

template_value dict_values(template_meter& meter, const template_value& self,
                           const call_arguments& arguments) {
  bind_arguments(arguments, "values", {});
  meter.steps(self.dict().entries().size());
  std::vector<template_value> items;
  for (const auto& entry : self.dict().entries())
    items.push_back(entry.second);
  return make_list(std::move(items), list_flavor::values);
}

template_value copy(template_meter& meter, const template_value& self, const call_arguments& arguments) {
  bind_arguments(arguments, "copy", {});
  meter.steps(1);
  return self; // nothing can change it, so sharing is a copy
}

template_value list_index(template_meter& meter, const template_value& self,
                          const call_arguments& arguments) {
  const auto bound = bind_arguments(arguments, "index", {"value", "start", "stop"}, 1);
  const auto& items = self.list().items;
  const auto count = static_cast<int64_t>(items.size());
  const auto place = [&](const template_value* given, int64_t otherwise) {
    const int64_t at = given != nullptr ? integer_argument(*given, "index") : otherwise;
    return std::clamp<int64_t>(at < 0 ? at + count : at, 0, count);
  };
  const int64_t stop = place(bound[2], count);
  for (int64_t i = place(bound[1], 0); i < stop; ++i)
    if (is_equal(meter, items[static_cast<std::size_t>(i)], *bound[0]))
      return i;
  template_fail("the value is not in the list");
}

template_value list_count(template_meter& meter, const template_value& self,
                          const call_arguments& arguments) {
  const auto bound = bind_arguments(arguments, "count", {"value"}, 1);
  int64_t count = 0;
  for (const template_value& item : self.list().items)
    count += is_equal(meter, item, *bound[0]);
  return count;
}

template <std::size_t Size>
bool is_among(std::string_view name, const std::array<std::string_view, Size>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

template_method find_method(const template_value& value, std::string_view name) {
  if (value.is_text())
    return find_text_method(name);
  if (value.is_dict()) {
    if (name == "get")
      return dict_get;
    if (name == "items")
      return dict_items;
    if (name == "keys")
      return dict_keys;
    if (name == "values")
      return dict_values;
    return name == "copy" ? copy : nullptr;
  }
  if (value.is_list() && is_sequence(value.list().flavor)) {
    if (name == "index")
      return list_index;
    if (name == "count")
      return list_count;
    return name == "copy" && value.list().flavor == list_flavor::list ? copy : nullptr;
  }
  return nullptr;
}

bool is_refused_attribute(const template_value& value, std::string_view name) {
  constexpr std::array<std::string_view, 8> of_list{"append", "clear", "pop",    "reverse",
                                                    "insert", "sort",  "extend", "remove"};
  constexpr std::array<std::string_view, 5> of_dict{"clear", "pop", "popitem", "setdefault", "update"};
  constexpr std::array<std::string_view, 6> of_all{"__class__", "__init__", "__dict__",
                                                   "__doc__",   "__len__",  "__getitem__"};
  if (is_among(name, of_all))
    return true;
  if (value.is_list() && value.list().flavor == list_flavor::list)
    return is_among(name, of_list);
  return value.is_dict() && is_among(name, of_dict);
}

} // namespace troupe
