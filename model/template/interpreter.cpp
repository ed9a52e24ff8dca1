#include "model/template/interpreter.hpp"

#include "model/template/format.hpp"
#include "model/template/loop_object.hpp"
#include "model/template/operators.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

/// A scope that ends with the C++ block, also when that is left by a failure.
class template_interpreter::inner_scope {
public:
  inner_scope(template_interpreter& owner, const scope_ptr& outer) : owner_(owner), before_(owner.scope_) {
    owner_.scope_ = std::make_shared<template_scope>(outer);
  }
  ~inner_scope() { owner_.scope_ = before_; }
  inner_scope(const inner_scope&) = delete;
  inner_scope& operator=(const inner_scope&) = delete;

private:
  template_interpreter& owner_;
  scope_ptr before_;
};

template_interpreter::template_interpreter(const template_limits& limits, int64_t now)
    : meter_(limits), scope_(std::make_shared<template_scope>(nullptr)) {
  define_globals(*scope_, now, namespaces_);
}

template_interpreter::~template_interpreter() {
  for (const scope_ptr& scope : held_scopes_)
    scope->clear();
  for (const auto& object : namespaces_)
    object->names.clear();
}

marked_text template_interpreter::run(const statement_list& program, const std::vector<std::string>& hidden) {
  marked_text out;
  output_ = &out;
  const inner_scope scope(*this, scope_);
  hide(hidden);
  execute(program);
  return out;
}

void template_interpreter::hide(const std::vector<std::string>& names) {
  meter_.steps(names.size());
  for (const std::string& name : names)
    scope_->set(name, template_value::undefined(fmt::format("'{}' is undefined", name)));
}

void template_interpreter::hide(const statement& each, std::size_t body) {
  hide(each.hidden[body]);
}

void template_interpreter::print(const marked_text& text) {
  meter_.text(text.size());
  output_->append(text);
  if (output_->size() > meter_.limits().output_bytes_max)
    template_over_limit(fmt::format("the output is longer than {} bytes", meter_.limits().output_bytes_max));
}

marked_text template_interpreter::captured(const statement_list& body) {
  marked_text out;
  marked_text* const before = std::exchange(output_, &out);
  execute(body); // after a failure nothing is printed any more, so output_ need not come back
  output_ = before;
  return out;
}

template_interpreter::flow template_interpreter::execute(const statement_list& statements) {
  const template_meter::nesting held(meter_);
  for (const statement& each : statements) {
    const flow after = execute(each);
    if (after != flow::next)
      return after;
  }
  return flow::next;
}

template_interpreter::flow template_interpreter::execute(const statement& each) {
  meter_.steps(1);
  at_ = each.at;
  switch (each.kind) {
  case statement_kind::text:
    print(each.text.text());
    break;
  case statement_kind::output:
    print(to_text(meter_, evaluate(*each.expressions[0])));
    break;
  case statement_kind::condition:
    return condition(each);
  case statement_kind::loop:
    return loop(each, loop_items(each, evaluate(*each.expressions[0])), 0);
  case statement_kind::set:
    assign(*each.targets[0], evaluate(*each.expressions[0]));
    break;
  case statement_kind::set_block:
    set_block(each);
    break;
  case statement_kind::macro:
    scope_->set(each.name, macro(each, 0));
    break;
  case statement_kind::call_block:
    call_block(each);
    break;
  case statement_kind::with:
    with(each);
    break;
  case statement_kind::filter_block: {
    const inner_scope scope(*this, scope_);
    hide(each, 0);
    const template_value made = filter_chain(*each.expressions[0], captured(each.bodies[0]));
    if (!made.is_text())
      template_fail(fmt::format("a filter block must give a string, got {}", made.type_name()));
    print(made.text());
    break;
  }
  case statement_kind::scope: {
    const inner_scope scope(*this, scope_);
    hide(each, 0);
    execute(each.bodies[0]);
    break;
  }
  case statement_kind::refused:
    template_fail(fmt::format("'{}' needs another template, and a chat template stands alone", each.name));
  case statement_kind::break_loop:
    return flow::break_loop;
  case statement_kind::continue_loop:
    return flow::continue_loop;
  }
  return flow::next;
}

template_interpreter::flow template_interpreter::condition(const statement& each) {
  for (std::size_t i = 0; i < each.expressions.size(); ++i)
    if (is_true(evaluate(*each.expressions[i])))
      return execute(each.bodies[i]);
  return each.bodies.size() > each.expressions.size() ? execute(each.bodies.back()) : flow::next;
}

std::vector<template_value> template_interpreter::loop_items(const statement& each,
                                                             const template_value& value) {
  std::vector<template_value> items = items_of(meter_, value);
  if (each.expressions.size() < 2)
    return items;
  std::vector<template_value> kept;
  for (template_value& item : items) {
    const inner_scope scope(*this, scope_);
    assign(*each.targets[0], std::move(item));
    if (is_true(evaluate(*each.expressions[1])))
      kept.push_back(assigned(*each.targets[0]));
  }
  return kept;
}

/// What a target holds: a filtered loop goes over tuples where its target is one.
template_value template_interpreter::assigned(const expression& target) const {
  if (target.kind != expression_kind::tuple)
    return name(target);
  std::vector<template_value> parts;
  for (const expression_ptr& child : target.children)
    parts.push_back(assigned(*child));
  return make_list(std::move(parts), list_flavor::tuple);
}

/// What `loop(items)` does inside a recursive loop: the body again, in the scope around the loop.
template_function template_interpreter::recursion(const statement& each, int64_t depth0) {
  if (!each.recursive)
    return {};
  held_scopes_.push_back(scope_);
  return [this, &each, depth0, outer = std::weak_ptr(scope_)](template_meter& meter,
                                                              const call_arguments& given) {
    const template_meter::nesting held(meter);
    const auto bound = bind_arguments(given, "loop", {"iterable"}, 1);
    const template_position called_at = at_;
    marked_text out;
    marked_text* const before = std::exchange(output_, &out);
    {
      const inner_scope scope(*this, outer.lock());
      loop(each, loop_items(each, *bound[0]), depth0 + 1);
    }
    output_ = before;
    at_ = called_at;
    return template_value(std::move(out));
  };
}

template_interpreter::flow template_interpreter::loop(const statement& each,
                                                      std::vector<template_value> items, int64_t depth0) {
  const auto state = std::make_shared<loop_object>(std::move(items), depth0, recursion(each, depth0));
  bool completed = false; // Jinja's else also runs when every turn ended in break or continue
  for (; state->index() < state->items().size(); state->advance()) {
    meter_.steps(1);
    const inner_scope scope(*this, scope_);
    hide(each, 0);
    scope_->set("loop", template_value::object_ptr(state));
    at_ = each.at;
    assign(*each.targets[0], state->items()[state->index()]);
    const flow after = execute(each.bodies[0]);
    if (after == flow::break_loop)
      break;
    completed = completed || after == flow::next;
  }
  if (!completed && each.bodies.size() > 1) {
    const inner_scope scope(*this, scope_);
    hide(each, 1);
    return execute(each.bodies[1]);
  }
  return flow::next;
}

void template_interpreter::set_block(const statement& each) {
  template_value value;
  {
    const inner_scope scope(*this, scope_);
    hide(each, 0);
    value = captured(each.bodies[0]);
    if (!each.expressions.empty())
      value = filter_chain(*each.expressions[0], value);
  }
  assign(*each.targets[0], std::move(value));
}

void template_interpreter::with(const statement& each) {
  std::vector<template_value> values;
  for (const expression_ptr& expression : each.expressions)
    values.push_back(evaluate(*expression));
  const inner_scope scope(*this, scope_);
  hide(each, 0);
  for (std::size_t i = 0; i < values.size(); ++i)
    assign(*each.targets[i], std::move(values[i]));
  execute(each.bodies[0]);
}

void template_interpreter::call_block(const statement& each) {
  const expression& node = *each.expressions[0];
  const template_value callee = evaluate(*node.children[0]);
  call_arguments given = arguments(node);
  given.named.emplace_back("caller", macro(each, 1));
  at_ = node.at;
  const template_value made = call_value(meter_, callee, given);
  if (!made.is_text())
    template_fail(fmt::format("a call block must give a string, got {}", made.type_name()));
  print(made.text());
}

// A macro sees the names of where it was written, as they are when it is called.
template_value template_interpreter::macro(const statement& each, std::size_t first_default) {
  held_scopes_.push_back(scope_);
  template_value made = make_callable(each.name, [this, &each, first_default, scope = std::weak_ptr(scope_)](
                                                     template_meter&, const call_arguments& given) {
    return call_macro(each, first_default, scope.lock(), given);
  });
  auto& macro = *made.as<callable_object>();
  macro.is_macro = true;
  macro.is_anonymous = each.kind == statement_kind::call_block;
  std::vector<template_value> parameters;
  for (const std::string& name : each.parameters)
    parameters.emplace_back(marked_text(name, false));
  macro.attributes["name"] =
      macro.is_anonymous ? template_value() : template_value(marked_text(each.name, false));
  macro.attributes["arguments"] = make_list(std::move(parameters), list_flavor::tuple);
  macro.attributes["caller"] = each.uses_caller;
  macro.attributes["catch_kwargs"] = each.uses_kwargs;
  macro.attributes["catch_varargs"] = each.uses_varargs;
  return made;
}

template_value template_interpreter::call_macro(const statement& each, std::size_t first_default,
                                                const scope_ptr& outer, const call_arguments& given) {
  const template_meter::nesting held(meter_);
  const template_position called_at = at_;
  const inner_scope scope(*this, outer);
  hide(each, 0);
  const std::size_t count = each.parameters.size();
  std::vector<template_value> extra;
  for (std::size_t i = 0; i < given.positional.size(); ++i)
    if (i < count)
      scope_->set(each.parameters[i], given.positional[i]);
    else
      extra.push_back(given.positional[i]);
  if (!extra.empty() && !each.uses_varargs)
    template_fail(fmt::format("macro '{}' takes not more than {} arguments", each.name, count));
  auto named = std::make_shared<template_dict>();
  if (each.uses_caller &&
      std::find(each.parameters.begin(), each.parameters.end(), "caller") == each.parameters.end())
    scope_->set("caller", template_value::undefined("no caller defined"));
  std::vector<bool> set(count, false);
  std::fill_n(set.begin(), std::min(count, given.positional.size()), true);
  for (const auto& [name, value] : given.named) {
    const auto found = std::find(each.parameters.begin(), each.parameters.end(), name);
    const auto index = static_cast<std::size_t>(found - each.parameters.begin());
    if (index < count && set[index])
      template_fail(fmt::format("macro '{}' got two values for '{}'", each.name, name));
    if (index < count)
      set[index] = true;
    else if (!each.uses_kwargs && !(name == "caller" && each.uses_caller))
      template_fail(fmt::format("macro '{}' takes no argument '{}'", each.name, name));
    if (index < count || (name == "caller" && each.uses_caller))
      scope_->set(name, value);
    else
      named->set(marked_text(name, false), value);
  }
  if (each.uses_varargs)
    scope_->set("varargs", make_list(std::move(extra), list_flavor::tuple));
  if (each.uses_kwargs)
    scope_->set("kwargs", named);
  const std::size_t defaults = each.expressions.size() - first_default;
  for (std::size_t i = 0; i < count; ++i) {
    if (set[i])
      continue;
    const bool has_default = i + defaults >= count;
    scope_->set(each.parameters[i],
                has_default ? evaluate(*each.expressions[first_default + i + defaults - count])
                            : template_value::undefined(
                                  fmt::format("parameter '{}' was not provided", each.parameters[i])));
  }
  template_value out = captured(each.bodies[0]);
  at_ = called_at;
  return out;
}

void template_interpreter::assign(const expression& target, template_value value) {
  at_ = target.at;
  if (target.kind == expression_kind::name) {
    scope_->set(target.name, std::move(value));
  } else if (target.kind == expression_kind::tuple) {
    std::vector<template_value> parts = items_of(meter_, value);
    if (parts.size() != target.children.size())
      template_fail(
          fmt::format("expected {} values to unpack, got {}", target.children.size(), parts.size()));
    for (std::size_t i = 0; i < parts.size(); ++i)
      assign(*target.children[i], std::move(parts[i]));
  } else {
    auto* space = name(*target.children[0]).as<namespace_object>();
    if (space == nullptr)
      template_fail("an attribute can be set on a namespace only");
    if (target.name.starts_with('_'))
      template_fail(fmt::format("a namespace cannot hold '{}'", target.name));
    space->names[target.name] = std::move(value);
  }
}

} // namespace troupe
