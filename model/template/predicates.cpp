#include "model/template/predicates.hpp"

#include "model/template/filters.hpp"
#include "model/template/format.hpp"
#include "model/template/loop_object.hpp"
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

const template_value& only_argument(arguments_ref arguments, std::string_view name) {
  return *bind_arguments(arguments, name, {"other"}, 1)[0];
}

template <bool (template_value::*Is)() const, bool Wanted = true>
bool type_test(meter_ref, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "this test", {});
  return (value.*Is)() == Wanted;
}

template <bool Wanted>
bool is_exactly(meter_ref, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "this test", {});
  return value.is_bool() && value.boolean() == Wanted;
}

int64_t remainder(meter_ref meter, value_ref value, value_ref by) {
  const template_value rest = arithmetic(meter, "%", value, by);
  return rest.is_number() && rest.number() == 0.0 ? 0 : rest.is_number() && rest.number() == 1.0 ? 1 : 2;
}

bool odd(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "odd", {});
  return remainder(meter, value, int64_t{2}) == 1;
}

bool even(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "even", {});
  return remainder(meter, value, int64_t{2}) == 0;
}

bool divisible_by(meter_ref meter, value_ref value, arguments_ref arguments) {
  return remainder(meter, value, *bind_arguments(arguments, "divisibleby", {"num"}, 1)[0]) == 0;
}

bool equal(meter_ref meter, value_ref value, arguments_ref arguments) {
  return is_equal(meter, value, only_argument(arguments, "equalto"));
}

bool unequal(meter_ref meter, value_ref value, arguments_ref arguments) {
  return !is_equal(meter, value, only_argument(arguments, "ne"));
}

bool less(meter_ref meter, value_ref value, arguments_ref arguments) {
  return is_less(meter, value, only_argument(arguments, "lessthan"));
}

bool greater(meter_ref meter, value_ref value, arguments_ref arguments) {
  return is_less(meter, only_argument(arguments, "greaterthan"), value);
}

bool less_or_equal(meter_ref meter, value_ref value, arguments_ref arguments) {
  return less(meter, value, arguments) || equal(meter, value, arguments);
}

bool greater_or_equal(meter_ref meter, value_ref value, arguments_ref arguments) {
  return greater(meter, value, arguments) || equal(meter, value, arguments);
}

bool in(meter_ref meter, value_ref value, arguments_ref arguments) {
  return contains(meter, *bind_arguments(arguments, "in", {"seq"}, 1)[0], value);
}

bool same_as(meter_ref, value_ref value, arguments_ref arguments) {
  return value.same_as(only_argument(arguments, "sameas"));
}

bool callable(meter_ref, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "callable", {});
  const auto* object = value.as<template_object>();
  return value.is_undefined() || (object != nullptr && object->is_callable()); // Undefined has a __call__
}

bool iterable(meter_ref, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "iterable", {});
  return value.is_undefined() || value.is_text() || value.is_list() || value.is_dict() ||
         value.as<loop_object>() != nullptr;
}

bool sequence(meter_ref, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "sequence", {});
  return value.is_undefined() || value.is_text() || value.is_dict() ||
         (value.is_list() && is_sequence(value.list().flavor));
}

template <bool (*Wanted)(uint32_t)>
bool case_test(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "this test", {});
  const marked_text text = to_text(meter, value);
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const uint32_t code_point = next_code_point(text.bytes(), at);
    if (is_cased(code_point) && !Wanted(code_point))
      return false;
    any = any || is_cased(code_point);
  }
  return any;
}

void check_name(value_ref value) {
  if (!template_dict::is_key(value))
    template_fail(fmt::format("a {} cannot be the name of a filter or test", value.type_name()));
}

bool is_filter_name(meter_ref, value_ref value, arguments_ref) {
  check_name(value);
  return value.is_text() && find_filter(value.bytes()) != nullptr;
}

bool is_test_name(meter_ref, value_ref value, arguments_ref) {
  check_name(value);
  return value.is_text() && find_predicate(value.bytes()) != nullptr;
}

bool escaped(meter_ref, value_ref, arguments_ref) {
  return false; // nothing here is marked as HTML
}

struct named_predicate {
  std::string_view name;
  template_predicate test;
};

constexpr named_predicate predicates[] = {
    {"defined", type_test<&template_value::is_undefined, false>},
    {"undefined", type_test<&template_value::is_undefined>},
    {"none", type_test<&template_value::is_none>},
    {"boolean", type_test<&template_value::is_bool>},
    {"true", is_exactly<true>},
    {"false", is_exactly<false>},
    {"integer", type_test<&template_value::is_integer>},
    {"float", type_test<&template_value::is_float>},
    {"number", type_test<&template_value::is_number>},
    {"string", type_test<&template_value::is_text>},
    {"mapping", type_test<&template_value::is_dict>},
    {"iterable", iterable},
    {"sequence", sequence},
    {"callable", callable},
    {"odd", odd},
    {"even", even},
    {"divisibleby", divisible_by},
    {"sameas", same_as},
    {"upper", case_test<is_upper>},
    {"lower", case_test<is_lower>},
    {"filter", is_filter_name},
    {"test", is_test_name},
    {"escaped", escaped},
    {"in", in},
    {"equalto", equal},
    {"eq", equal},
    {"==", equal},
    {"ne", unequal},
    {"!=", unequal},
    {"lt", less},
    {"lessthan", less},
    {"<", less},
    {"le", less_or_equal},
    {"<=", less_or_equal},
    {"gt", greater},
    {"greaterthan", greater},
    {">", greater},
    {"ge", greater_or_equal},
    {">=", greater_or_equal},
};

} // namespace

template_predicate find_predicate(std::string_view name) {
  const auto found = std::find_if(std::begin(predicates), std::end(predicates),
                                  [name](const named_predicate& each) { return each.name == name; });
  return found == std::end(predicates) ? nullptr : found->test;
}

} // namespace troupe
