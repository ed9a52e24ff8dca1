#pragma once

#include "model/template/lexer.hpp"
#include "model/template/nodes.hpp"

#include <initializer_list>
#include <span>

namespace troupe {

/// Parses expressions by recursive descent; precedence and quirks are Jinja 3.1's ('~' binds tighter than
/// '+'). Throws template_syntax_failure.
class expression_parser {
public:
  explicit expression_parser(std::vector<template_token> tokens) : tokens_(std::move(tokens)) {}

  /// A tuple without parentheses, or one expression. ends: names that end it ("in").
  expression_ptr tuple(bool with_conditional = true, bool targets_only = false, bool with_namespace = false,
                       bool parenthesized = false, std::string_view end = {});
  expression_ptr expression_of(bool with_conditional = true);

  /// Something that can be assigned to.
  expression_ptr target(bool with_namespace, bool with_tuple = true, std::string_view end = {});

  /// Filters behind an input, which may be null: "| trim | upper".
  expression_ptr filters(expression_ptr input, bool first_without_pipe = false);

  const template_token& peek(std::size_t ahead = 0) const;
  template_token next();
  bool skip_name(std::string_view name);
  bool skip_symbol(std::string_view symbol);
  std::string expect_name();
  void expect_name(std::string_view name);
  void expect_symbol(std::string_view symbol);
  void expect(token_kind kind, std::string_view what);
  [[noreturn]] void fail(template_position at, const std::string& message) const;

  /// Special names that the macro being parsed refers to.
  struct macro_names {
    bool caller = false, varargs = false, kwargs = false;
  };
  macro_names used_names;

  uint32_t for_depth = 0; // loops around: inside one, nothing may be called loop

private:
  class nesting;

  expression_ptr conditional();
  expression_ptr logical(bool any);
  expression_ptr negated();
  expression_ptr comparison();
  expression_ptr sum();
  expression_ptr concatenation();
  expression_ptr product();
  expression_ptr power();
  expression_ptr unary(bool with_filters);
  expression_ptr primary(bool with_namespace);
  expression_ptr name_or_constant(bool with_namespace);
  expression_ptr list_literal();
  expression_ptr dict_literal();
  expression_ptr postfix(expression_ptr node);
  expression_ptr filters_and_tests(expression_ptr node);
  expression_ptr subscript(expression_ptr node);
  expression_ptr bracketed(expression_ptr node, template_position at);
  expression_ptr test(expression_ptr node);
  expression_ptr call(expression_ptr node);
  void arguments(expression& node);
  template_value integer(const template_token& token) const;
  expression_ptr make(expression_kind kind, template_position at) const;
  void adopt(expression& parent, expression_ptr child) const;
  expression_ptr binary(expression_ptr left, expression_ptr right, const template_token& operation) const;

  std::vector<template_token> tokens_;
  std::size_t at_ = 0;
  uint32_t depth_ = 0;
};

} // namespace troupe
