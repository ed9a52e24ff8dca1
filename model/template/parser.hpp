#pragma once

#include "model/template/expression_parser.hpp"

namespace troupe {

/// Parses a template's statements: if, for (with break and continue), set, macro, call, filter, with,
/// generation. Throws template_syntax_failure.
class template_parser {
public:
  explicit template_parser(std::vector<template_token> tokens) : expressions_(std::move(tokens)) {}

  statement_list run();

private:
  statement_list body(std::initializer_list<std::string_view> ends);
  statement_list closed_body(std::string_view end);
  statement tag();
  statement condition(statement made);
  statement loop(statement made);
  statement set(statement made);
  statement macro(statement made);
  statement call_block(statement made);
  statement with(statement made);
  void parameters(statement& made);
  void macro_body(statement& made, std::string_view end);
  void end_tag();

  expression_parser expressions_;
  uint32_t depth_ = 0;
  uint32_t loops_ = 0; // open ones, for break and continue
};

} // namespace troupe
