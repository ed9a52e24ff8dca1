#pragma once

#include "model/template/globals.hpp"
#include "model/template/nodes.hpp"
#include "model/template/scope.hpp"

namespace troupe {

/// One rendering of a parsed template. Throws template_failure; position() then says where.
class template_interpreter {
public:
  template_interpreter(const template_limits& limits, int64_t now);
  ~template_interpreter();
  template_interpreter(const template_interpreter&) = delete;
  template_interpreter& operator=(const template_interpreter&) = delete;

  template_meter& meter() { return meter_; }

  /// Makes a name visible to the template.
  void define(const std::string& name, template_value value) { scope_->set(name, std::move(value)); }

  /// hidden: names that the program has as its own from its beginning (find_hidden_names).
  marked_text run(const statement_list& program, const std::vector<std::string>& hidden);

  /// The node evaluated last.
  template_position position() const { return at_; }

private:
  enum class flow { next, break_loop, continue_loop };
  class inner_scope;

  // Statements.
  flow execute(const statement_list& statements);
  flow execute(const statement& each);
  flow condition(const statement& each);
  flow loop(const statement& each, std::vector<template_value> items, int64_t depth0);
  template_function recursion(const statement& each, int64_t depth0);
  void set_block(const statement& each);
  void call_block(const statement& each);
  void with(const statement& each);
  template_value macro(const statement& each, std::size_t first_default);
  template_value call_macro(const statement& each, std::size_t first_default, const scope_ptr& scope,
                            const call_arguments& arguments);
  marked_text captured(const statement_list& body);
  void print(const marked_text& text);
  void assign(const expression& target, template_value value);
  void hide(const statement& each, std::size_t body);
  void hide(const std::vector<std::string>& names);
  template_value assigned(const expression& target) const;
  std::vector<template_value> loop_items(const statement& each, const template_value& value);

  // Expressions.
  template_value evaluate(const expression& node);
  template_value evaluate_or_none(const expression_ptr& node);
  template_value name(const expression& node) const;
  template_value dict(const expression& node);
  template_value call(const expression& node);
  template_value filter(const expression& node, const template_value& input);
  template_value filter_chain(const expression& node, const template_value& input);
  template_value test(const expression& node);
  template_value logical(const expression& node);
  template_value concat(const expression& node);
  template_value comparison(const expression& node);
  template_value conditional(const expression& node);
  template_value arithmetic_of(const expression& node);
  std::vector<template_value> children(const expression& node);
  call_arguments arguments(const expression& node);

  template_meter meter_;
  namespace_pool namespaces_;
  std::vector<scope_ptr> held_scopes_; // by macros
  scope_ptr scope_;
  marked_text* output_ = nullptr;
  template_position at_;
};

} // namespace troupe
