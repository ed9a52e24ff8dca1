// What stands behind a value: attributes, subscripts, calls, filters and tests.
#include "model/template/expression_parser.hpp"

#include <algorithm>

namespace troupe {

expression_ptr expression_parser::postfix(expression_ptr node) {
  while (true) {
    if (peek().is_symbol(".") || peek().is_symbol("["))
      node = subscript(std::move(node));
    else if (peek().is_symbol("("))
      node = call(std::move(node));
    else
      return node;
  }
}

expression_ptr expression_parser::filters_and_tests(expression_ptr node) {
  while (true) {
    if (peek().is_symbol("|"))
      node = filters(std::move(node));
    else if (peek().is_name("is"))
      node = test(std::move(node));
    else if (peek().is_symbol("("))
      node = call(std::move(node));
    else
      return node;
  }
}

expression_ptr expression_parser::subscript(expression_ptr node) {
  const template_token token = next();
  if (token.text == "[")
    return bracketed(std::move(node), token.at);
  const template_token name = next();
  if (name.kind != token_kind::name && name.kind != token_kind::integer)
    fail(name.at, "expected a name or a number behind '.'");
  expression_ptr access =
      make(name.kind == token_kind::name ? expression_kind::attribute : expression_kind::item, token.at);
  adopt(*access, std::move(node));
  access->name = name.text;
  if (name.kind == token_kind::integer) {
    expression_ptr index = make(expression_kind::literal, name.at);
    index->value = integer(name);
    adopt(*access, std::move(index));
  }
  return access;
}

expression_ptr expression_parser::bracketed(expression_ptr node, template_position at) {
  expression_ptr access = make(expression_kind::item, at);
  adopt(*access, std::move(node));
  expression_ptr first = peek().is_symbol(":") ? nullptr : expression_of();
  if (peek().is_symbol(",")) {
    expression_ptr key = make(expression_kind::tuple, at);
    adopt(*key, std::move(first));
    while (skip_symbol(","))
      adopt(*key, expression_of());
    first = std::move(key);
  }
  adopt(*access, std::move(first));
  if (peek().is_symbol(":")) {
    access->kind = expression_kind::slice;
    for (int i = 0; i < 2; ++i) {
      const bool given = skip_symbol(":") && !peek().is_symbol(":") && !peek().is_symbol("]");
      adopt(*access, given ? expression_of() : nullptr);
    }
  }
  expect_symbol("]");
  return access;
}

expression_ptr expression_parser::filters(expression_ptr input, bool first_without_pipe) {
  while (first_without_pipe || peek().is_symbol("|")) {
    if (!first_without_pipe)
      next();
    first_without_pipe = false;
    expression_ptr node = make(expression_kind::filter, peek().at);
    node->name = expect_name();
    adopt(*node, std::move(input));
    if (peek().is_symbol("("))
      arguments(*node);
    input = std::move(node);
  }
  return input;
}

expression_ptr expression_parser::test(expression_ptr node) {
  const template_position at = next().at;
  const bool inverted = skip_name("not");
  expression_ptr made = make(expression_kind::test, at);
  made->name = expect_name();
  adopt(*made, std::move(node));
  const template_token& token = peek();
  const bool value_follows = token.kind == token_kind::name || token.kind == token_kind::text ||
                             token.kind == token_kind::integer || token.kind == token_kind::real ||
                             token.is_symbol("[") || token.is_symbol("{");
  if (token.is_symbol("(")) {
    arguments(*made);
  } else if (value_follows && !token.is_name("else") && !token.is_name("or") && !token.is_name("and")) {
    if (token.is_name("is"))
      fail(token.at, "tests cannot be chained with 'is'");
    adopt(*made, postfix(primary(false)));
  }
  if (!inverted)
    return made;
  expression_ptr negation = make(expression_kind::logical_not, at);
  adopt(*negation, std::move(made));
  return negation;
}

expression_ptr expression_parser::call(expression_ptr node) {
  expression_ptr made = make(expression_kind::call, peek().at);
  adopt(*made, std::move(node));
  arguments(*made);
  return made;
}

void expression_parser::arguments(expression& node) {
  expect_symbol("(");
  expression_ptr list;
  expression_ptr dict;
  while (!peek().is_symbol(")")) {
    const template_position at = peek().at;
    bool valid = dict == nullptr;
    if (skip_symbol("*")) {
      valid = valid && list == nullptr;
      list = expression_of();
    } else if (skip_symbol("**")) {
      dict = expression_of();
    } else if (peek().kind == token_kind::name && peek(1).is_symbol("=")) {
      const std::string name = next().text;
      if (std::find(node.keywords.begin(), node.keywords.end(), name) != node.keywords.end())
        fail(at, "the argument '" + name + "' is given twice");
      node.keywords.push_back(name);
      next();
      adopt(node, expression_of());
    } else {
      valid = valid && list == nullptr && node.keywords.empty();
      adopt(node, expression_of());
    }
    if (!valid)
      fail(at, "arguments come in this order: by position, by name, *list, **dict");
    if (!skip_symbol(","))
      break;
  }
  expect_symbol(")");
  node.spreads_list = list != nullptr;
  node.spreads_dict = dict != nullptr;
  if (list != nullptr)
    adopt(node, std::move(list));
  if (dict != nullptr)
    adopt(node, std::move(dict));
}

} // namespace troupe
