// Filters that compare the items of a list.
#include "model/template/filters.hpp"
#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

template_value without_case(meter_ref meter, template_value key, bool with_case) {
  return key.is_text() && !with_case ? template_value(lower_text(meter, key.text())) : key;
}

/// What sorting and uniqueness compare: strings without case unless told otherwise.
template_value sort_key(meter_ref meter, value_ref value, const template_value* path, bool with_case) {
  return without_case(meter, attribute_path(meter, value, path), with_case);
}

/// The same for several attributes, "age,name", as a tuple; also for one: items that are equal need no order
/// then.
template_value sort_keys(meter_ref meter, value_ref value, const template_value* path, bool with_case) {
  if (path == nullptr || !path->is_text())
    return make_list({sort_key(meter, value, path, with_case)}, list_flavor::tuple);
  std::vector<template_value> keys;
  const std::string& names = path->bytes();
  for (std::size_t start = 0; start <= names.size();) {
    const std::size_t comma = std::min(names.find(',', start), names.size());
    const template_value name(marked_text(names.substr(start, comma - start), false));
    keys.push_back(sort_key(meter, value, &name, with_case));
    start = comma + 1;
  }
  return make_list(std::move(keys), list_flavor::tuple);
}

struct keyed_value {
  template_value key, value;
};

std::vector<template_value> sorted(meter_ref meter, std::vector<keyed_value> keyed, bool reversed) {
  // Merge sort by hand: std::sort may run out of bounds when a comparison is not a strict order (NaN).
  for (std::size_t width = 1; width < keyed.size(); width *= 2) {
    std::vector<keyed_value> merged;
    for (std::size_t at = 0; at < keyed.size(); at += 2 * width) {
      std::size_t left = at;
      const std::size_t middle = std::min(at + width, keyed.size());
      std::size_t right = middle;
      const std::size_t end = std::min(at + 2 * width, keyed.size());
      while (left < middle || right < end) {
        const bool take_right =
            left == middle || (right < end && (reversed ? is_less(meter, keyed[left].key, keyed[right].key)
                                                        : is_less(meter, keyed[right].key, keyed[left].key)));
        merged.push_back(std::move(keyed[take_right ? right++ : left++]));
      }
    }
    keyed = std::move(merged);
  }
  std::vector<template_value> out;
  for (keyed_value& each : keyed)
    out.push_back(std::move(each.value));
  return out;
}

template_value sort(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "sort", {"reverse", "case_sensitive", "attribute"});
  const bool with_case = bound[1] != nullptr && is_true(*bound[1]);
  std::vector<keyed_value> keyed;
  for (template_value& item : items_of(meter, value)) {
    template_value key = sort_keys(meter, item, bound[2], with_case);
    keyed.push_back({std::move(key), std::move(item)});
  }
  return make_list(sorted(meter, std::move(keyed), bound[0] != nullptr && is_true(*bound[0])));
}

template_value dictsort(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "dictsort", {"case_sensitive", "by", "reverse"});
  if (!value.is_dict())
    template_fail(fmt::format("dictsort needs a mapping, got {}", value.type_name()));
  const bool with_case = bound[0] != nullptr && is_true(*bound[0]);
  const std::string by = bound[1] != nullptr ? text_argument(*bound[1], "dictsort").bytes() : "key";
  if (by != "key" && by != "value")
    template_fail("dictsort sorts by 'key' or 'value'");
  std::vector<keyed_value> keyed;
  for (const auto& [key, item] : value.dict().entries())
    keyed.push_back({sort_key(meter, by == "key" ? key : item, nullptr, with_case),
                     make_list({key, item}, list_flavor::tuple)});
  return make_list(sorted(meter, std::move(keyed), bound[2] != nullptr && is_true(*bound[2])));
}

template_value unique(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "unique", {"case_sensitive", "attribute"});
  const bool with_case = bound[0] != nullptr && is_true(*bound[0]);
  template_dict seen;
  std::vector<template_value> kept;
  for (template_value& item : items_of(meter, value)) {
    const template_value key = sort_key(meter, item, bound[1], with_case);
    if (seen.find(key) != nullptr)
      continue;
    seen.set(key, {});
    kept.push_back(std::move(item));
  }
  return make_list(std::move(kept), list_flavor::iterator);
}

template <bool Largest>
template_value extreme(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "min or max", {"case_sensitive", "attribute"});
  const bool with_case = bound[0] != nullptr && is_true(*bound[0]);
  const std::vector<template_value> all = items_of(meter, value);
  if (all.empty())
    return template_value::undefined("no item, sequence was empty");
  std::size_t best = 0;
  template_value best_key = sort_key(meter, all[0], bound[1], with_case);
  for (std::size_t i = 1; i < all.size(); ++i) {
    template_value key = sort_key(meter, all[i], bound[1], with_case);
    if (Largest ? is_less(meter, best_key, key) : is_less(meter, key, best_key)) {
      best = i;
      best_key = std::move(key);
    }
  }
  return all[best];
}

/// Pairs (grouper, list) of the items whose attribute is equal, sorted by it.
template_value groupby(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "groupby", {"attribute", "default", "case_sensitive"}, 1);
  const bool with_case = bound[2] != nullptr && is_true(*bound[2]);
  const auto attribute_of_item = [&](value_ref item) {
    template_value found = attribute_path(meter, item, bound[0]);
    const bool given = bound[1] != nullptr && !bound[1]->is_none();
    return found.is_undefined() && given ? *bound[1] : found;
  };
  std::vector<keyed_value> keyed;
  for (template_value& item : items_of(meter, value)) {
    template_value key = without_case(meter, attribute_of_item(item), with_case);
    keyed.push_back({std::move(key), std::move(item)});
  }
  std::vector<template_value> groups;
  std::vector<template_value> group;
  template_value group_key;
  const auto close = [&] {
    if (group.empty())
      return;
    const template_value grouper = with_case ? group_key : attribute_of_item(group.front());
    template_value pair = make_list({grouper, make_list(std::exchange(group, {}))}, list_flavor::tuple);
    pair.list().is_group = true;
    groups.push_back(std::move(pair));
  };
  for (template_value& item : sorted(meter, std::move(keyed), false)) {
    const template_value key = without_case(meter, attribute_of_item(item), with_case);
    if (!group.empty() && !is_equal(meter, key, group_key))
      close();
    group_key = key;
    group.push_back(std::move(item));
  }
  close();
  return make_list(std::move(groups));
}

constexpr named_filter filters[] = {
    {"sort", sort},          {"dictsort", dictsort}, {"unique", unique},
    {"min", extreme<false>}, {"max", extreme<true>}, {"groupby", groupby},
};

} // namespace

template_filter find_order_filter(std::string_view name) {
  const auto found = std::find_if(std::begin(filters), std::end(filters),
                                  [name](const named_filter& each) { return each.name == name; });
  return found == std::end(filters) ? nullptr : found->filter;
}

} // namespace troupe
