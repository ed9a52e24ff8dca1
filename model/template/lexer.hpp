#pragma once

#include "model/template/token.hpp"

#include <string_view>
#include <vector>

namespace troupe {

/// Splits a template into text and the tokens of its tags, white space already trimmed as trim_blocks,
/// lstrip_blocks and the signs '-' and '+' say. Ends with a token of kind end.
/// Source: Jinja 3.1, "Template Designer Documentation", white space control.
class template_lexer {
public:
  explicit template_lexer(std::string_view source);

  /// Throws template_syntax_failure.
  std::vector<template_token> run();

private:
  void data_until_tag();
  void add_data(std::size_t first, std::size_t last, char sign, bool strips_line);
  void comment();
  void raw();
  void tag(bool output);
  bool end_of_tag(bool output);
  void expression_token();
  void string();
  void number();
  void symbol();
  void skip_space();
  void add(token_kind kind, std::string text, std::size_t offset);
  bool raw_tag(std::size_t at, std::string_view word, std::size_t& after, char& sign) const;
  bool starts(std::string_view text) const { return std::string_view(source_).substr(at_).starts_with(text); }
  template_position position(std::size_t offset) const;
  [[noreturn]] void fail(std::size_t offset, const std::string& message) const;

  std::string source_; // newlines normalized
  std::vector<std::size_t> line_starts_;
  std::size_t at_ = 0;
  bool line_starting_ = true; // the tag or text before ended with a newline
  std::string brackets_;      // closing ones still to come
  std::vector<template_token> tokens_;
};

struct template_syntax_failure {
  std::string message;
  template_position at;
};

} // namespace troupe
