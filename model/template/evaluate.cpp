// The expressions of the interpreter.
#include "model/template/filters.hpp"
#include "model/template/format.hpp"
#include "model/template/interpreter.hpp"
#include "model/template/operators.hpp"
#include "model/template/predicates.hpp"
#include "model/template/text_tools.hpp"

#include <fmt/format.h>

namespace troupe {

template_value template_interpreter::evaluate(const expression& node) {
  const template_meter::nesting held(meter_);
  meter_.steps(1);
  at_ = node.at;
  switch (node.kind) {
  case expression_kind::literal:
    return node.value;
  case expression_kind::name:
    return name(node);
  case expression_kind::tuple:
    return make_list(children(node), list_flavor::tuple);
  case expression_kind::list:
    return make_list(children(node));
  case expression_kind::dict:
    return dict(node);
  case expression_kind::call:
    return call(node);
  case expression_kind::filter:
    return filter(node, evaluate(*node.children[0]));
  case expression_kind::test:
    return test(node);
  case expression_kind::logical_not:
    return !is_true(evaluate(*node.children[0]));
  case expression_kind::logical_and:
  case expression_kind::logical_or:
    return logical(node);
  case expression_kind::concat:
    return concat(node);
  case expression_kind::comparison:
    return comparison(node);
  case expression_kind::conditional:
    return conditional(node);
  default:
    return arithmetic_of(node);
  }
}

// What needs all its operands first.
template_value template_interpreter::arithmetic_of(const expression& node) {
  const template_value first = evaluate(*node.children[0]);
  const template_value second =
      node.children.size() > 1 ? evaluate_or_none(node.children[1]) : template_value();
  at_ = node.at;
  switch (node.kind) {
  case expression_kind::attribute:
    return attribute_of(meter_, first, node.name);
  case expression_kind::item:
    return item_of(meter_, first, second);
  case expression_kind::slice: {
    const template_value stop = evaluate_or_none(node.children[2]);
    const template_value step = evaluate_or_none(node.children[3]);
    at_ = node.at;
    return slice_of(meter_, first, second, stop, step);
  }
  case expression_kind::negation:
    return negated(first);
  case expression_kind::identity:
    if (!first.is_number())
      template_fail(fmt::format("unsupported operand for +: {}", first.type_name()));
    return arithmetic(meter_, "+", first, int64_t{0});
  default:
    return arithmetic(meter_, node.operators[0], first, second);
  }
}

template_value template_interpreter::evaluate_or_none(const expression_ptr& node) {
  return node != nullptr ? evaluate(*node) : template_value();
}

template_value template_interpreter::name(const expression& node) const {
  const template_value* found = scope_->find(node.name);
  return found != nullptr ? *found : template_value::undefined(fmt::format("'{}' is undefined", node.name));
}

std::vector<template_value> template_interpreter::children(const expression& node) {
  std::vector<template_value> values;
  for (const expression_ptr& child : node.children)
    values.push_back(evaluate(*child));
  return values;
}

template_value template_interpreter::dict(const expression& node) {
  auto made = std::make_shared<template_dict>();
  for (std::size_t i = 0; i < node.children.size(); i += 2) {
    template_value key = evaluate(*node.children[i]);
    made->set(std::move(key), evaluate(*node.children[i + 1]));
  }
  return made;
}

call_arguments template_interpreter::arguments(const expression& node) {
  call_arguments given;
  const std::size_t spread = (node.spreads_list ? 1u : 0u) + (node.spreads_dict ? 1u : 0u);
  const std::size_t named = node.children.size() - spread - node.keywords.size();
  for (std::size_t i = 1; i < named; ++i)
    given.positional.push_back(evaluate(*node.children[i]));
  for (std::size_t i = 0; i < node.keywords.size(); ++i)
    given.named.emplace_back(node.keywords[i], evaluate(*node.children[named + i]));
  std::size_t next = named + node.keywords.size();
  if (node.spreads_list)
    for (template_value& each : items_of(meter_, evaluate(*node.children[next++])))
      given.positional.push_back(std::move(each));
  if (node.spreads_dict) {
    const template_value more = evaluate(*node.children[next]);
    if (!more.is_dict())
      template_fail("** needs a mapping");
    meter_.steps(more.dict().entries().size());
    for (const auto& [key, value] : more.dict().entries())
      given.named.emplace_back(text_argument(key, "**").bytes(), value);
  }
  return given;
}

template_value template_interpreter::call(const expression& node) {
  const template_value callee = evaluate(*node.children[0]);
  const call_arguments given = arguments(node);
  at_ = node.at;
  return call_value(meter_, callee, given);
}

template_value template_interpreter::filter(const expression& node, const template_value& input) {
  const template_filter found = find_filter(node.name);
  if (found == nullptr)
    template_fail(fmt::format("no filter named '{}'", node.name));
  const call_arguments given = arguments(node);
  at_ = node.at;
  return found(meter_, input, given);
}

// The filters of a block: the innermost has no input of its own.
template_value template_interpreter::filter_chain(const expression& node, const template_value& input) {
  const template_meter::nesting held(meter_);
  return filter(node, node.children[0] != nullptr ? filter_chain(*node.children[0], input) : input);
}

template_value template_interpreter::test(const expression& node) {
  const template_value value = evaluate(*node.children[0]);
  const template_predicate found = find_predicate(node.name);
  if (found == nullptr)
    template_fail(fmt::format("no test named '{}'", node.name));
  const call_arguments given = arguments(node);
  at_ = node.at;
  return found(meter_, value, given);
}

template_value template_interpreter::logical(const expression& node) {
  const bool any = node.kind == expression_kind::logical_or;
  template_value value;
  for (const expression_ptr& child : node.children) {
    value = evaluate(*child);
    if (is_true(value) == any)
      break;
  }
  return value;
}

template_value template_interpreter::concat(const expression& node) {
  marked_text out;
  for (const expression_ptr& child : node.children)
    out.append(to_text(meter_, evaluate(*child)));
  meter_.text(out.size());
  return out;
}

template_value template_interpreter::comparison(const expression& node) {
  template_value left = evaluate(*node.children[0]);
  for (std::size_t i = 0; i < node.operators.size(); ++i) {
    template_value right = evaluate(*node.children[i + 1]);
    const std::string& operation = node.operators[i];
    at_ = node.at;
    bool holds = false;
    if (operation == "==" || operation == "!=")
      holds = is_equal(meter_, left, right) == (operation == "==");
    else if (operation == "in" || operation == "not in")
      holds = contains(meter_, right, left) == (operation == "in");
    else if (operation == "<" || operation == ">")
      holds = operation == "<" ? is_less(meter_, left, right) : is_less(meter_, right, left);
    else
      holds = (operation == "<=" ? is_less(meter_, left, right) : is_less(meter_, right, left)) ||
              is_equal(meter_, left, right);
    if (!holds)
      return false;
    left = std::move(right);
  }
  return true;
}

template_value template_interpreter::conditional(const expression& node) {
  if (is_true(evaluate(*node.children[0])))
    return evaluate(*node.children[1]);
  if (node.children[2] != nullptr)
    return evaluate(*node.children[2]);
  return template_value::undefined("an inline if without else was false");
}

} // namespace troupe
