#include "model/template/expression_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace troupe {

namespace {

// Bounds the C++ stack of this parser, of the interpreter and of the tree's destructor.
constexpr uint32_t nesting_max = 60;
constexpr uint32_t tree_depth_max = 250;

std::string shown(const template_token& token) {
  switch (token.kind) {
  case token_kind::end:
    return "the end of the template";
  case token_kind::data:
    return "text";
  case token_kind::block_end:
    return "'%}'";
  case token_kind::output_end:
    return "'}}'";
  case token_kind::block_begin:
    return "'{%'";
  case token_kind::output_begin:
    return "'{{'";
  default:
    return fmt::format("'{}'", token.text);
  }
}

} // namespace

class expression_parser::nesting {
public:
  explicit nesting(expression_parser& parser) : parser_(parser) {
    if (++parser_.depth_ > nesting_max)
      parser_.fail(parser_.peek().at, fmt::format("expressions nest deeper than {}", nesting_max));
  }
  ~nesting() { --parser_.depth_; }
  nesting(const nesting&) = delete;
  nesting& operator=(const nesting&) = delete;

private:
  expression_parser& parser_;
};

const template_token& expression_parser::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

template_token expression_parser::next() {
  return tokens_[std::min(at_++, tokens_.size() - 1)];
}

bool expression_parser::skip_name(std::string_view name) {
  const bool found = peek().is_name(name);
  at_ += found;
  return found;
}

bool expression_parser::skip_symbol(std::string_view symbol) {
  const bool found = peek().is_symbol(symbol);
  at_ += found;
  return found;
}

std::string expression_parser::expect_name() {
  if (peek().kind != token_kind::name)
    fail(peek().at, fmt::format("expected a name, got {}", shown(peek())));
  return next().text;
}

void expression_parser::expect_name(std::string_view name) {
  if (!skip_name(name))
    fail(peek().at, fmt::format("expected '{}', got {}", name, shown(peek())));
}

void expression_parser::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol))
    fail(peek().at, fmt::format("expected '{}', got {}", symbol, shown(peek())));
}

void expression_parser::expect(token_kind kind, std::string_view what) {
  if (peek().kind != kind)
    fail(peek().at, fmt::format("expected {}, got {}", what, shown(peek())));
  next();
}

void expression_parser::fail(template_position at, const std::string& message) const {
  throw template_syntax_failure{message, at};
}

expression_ptr expression_parser::make(expression_kind kind, template_position at) const {
  auto node = std::make_unique<expression>();
  node->kind = kind;
  node->at = at;
  return node;
}

void expression_parser::adopt(expression& parent, expression_ptr child) const {
  if (child != nullptr && child->depth + 1 > parent.depth)
    parent.depth = child->depth + 1;
  if (parent.depth > tree_depth_max)
    fail(parent.at, fmt::format("an expression is deeper than {} operations", tree_depth_max));
  parent.children.push_back(std::move(child));
}

expression_ptr expression_parser::binary(expression_ptr left, expression_ptr right,
                                         const template_token& operation) const {
  expression_ptr node = make(expression_kind::arithmetic, operation.at);
  node->operators.push_back(operation.text);
  adopt(*node, std::move(left));
  adopt(*node, std::move(right));
  return node;
}

expression_ptr expression_parser::tuple(bool with_conditional, bool targets_only, bool with_namespace,
                                        bool parenthesized, std::string_view end) {
  expression_ptr node = make(expression_kind::tuple, peek().at);
  bool is_tuple = false;
  while (true) {
    const token_kind kind = peek().kind;
    if (kind == token_kind::output_end || kind == token_kind::block_end || peek().is_symbol(")") ||
        (!end.empty() && peek().is_name(end)))
      break;
    adopt(*node, targets_only ? primary(with_namespace) : expression_of(with_conditional));
    if (!skip_symbol(","))
      break;
    is_tuple = true;
  }
  if (is_tuple || (node->children.empty() && parenthesized))
    return node;
  if (node->children.empty())
    fail(peek().at, fmt::format("expected an expression, got {}", shown(peek())));
  return std::move(node->children[0]);
}

expression_ptr expression_parser::target(bool with_namespace, bool with_tuple, std::string_view end) {
  expression_ptr node = with_tuple ? tuple(true, true, with_namespace, false, end) : primary(with_namespace);
  const auto check = [this](const expression& each, const auto& self) -> void {
    if (each.kind == expression_kind::tuple) {
      for (const expression_ptr& child : each.children)
        self(*child, self);
    } else if (for_depth > 0 && each.kind == expression_kind::name && each.name == "loop") {
      fail(each.at, "the name 'loop' cannot be assigned to inside a loop");
    } else if (each.kind != expression_kind::name && each.kind != expression_kind::attribute) {
      fail(each.at, "this cannot be assigned to");
    }
  };
  check(*node, check);
  return node;
}

expression_ptr expression_parser::expression_of(bool with_conditional) {
  const nesting held(*this);
  return with_conditional ? conditional() : logical(true);
}

expression_ptr expression_parser::conditional() {
  const nesting held(*this);
  expression_ptr value = logical(true);
  while (peek().is_name("if")) {
    expression_ptr node = make(expression_kind::conditional, next().at);
    adopt(*node, logical(true));
    adopt(*node, std::move(value));
    adopt(*node, skip_name("else") ? conditional() : nullptr);
    value = std::move(node);
  }
  return value;
}

expression_ptr expression_parser::logical(bool any) {
  const std::string_view word = any ? "or" : "and";
  expression_ptr first = any ? logical(false) : negated();
  if (!peek().is_name(word))
    return first;
  expression_ptr node = make(any ? expression_kind::logical_or : expression_kind::logical_and, peek().at);
  adopt(*node, std::move(first));
  while (skip_name(word))
    adopt(*node, any ? logical(false) : negated());
  return node;
}

expression_ptr expression_parser::negated() {
  if (!peek().is_name("not"))
    return comparison();
  const nesting held(*this);
  expression_ptr node = make(expression_kind::logical_not, next().at);
  adopt(*node, negated());
  return node;
}

expression_ptr expression_parser::comparison() {
  constexpr std::array<std::string_view, 6> symbols{"==", "!=", "<", ">", "<=", ">="};
  expression_ptr first = sum();
  expression_ptr node = make(expression_kind::comparison, peek().at);
  while (true) {
    const template_token& token = peek();
    const bool symbol = token.kind == token_kind::symbol &&
                        std::find(symbols.begin(), symbols.end(), token.text) != symbols.end();
    const bool not_in = token.is_name("not") && peek(1).is_name("in");
    if (!symbol && !not_in && !token.is_name("in"))
      break;
    node->operators.push_back(not_in ? "not in" : token.text);
    at_ += not_in ? 2 : 1;
    if (node->children.empty())
      adopt(*node, std::move(first));
    adopt(*node, sum());
  }
  return node->children.empty() ? std::move(first) : std::move(node);
}

expression_ptr expression_parser::sum() {
  expression_ptr left = concatenation();
  while (peek().is_symbol("+") || peek().is_symbol("-")) {
    const template_token operation = next();
    left = binary(std::move(left), concatenation(), operation);
  }
  return left;
}

expression_ptr expression_parser::concatenation() {
  expression_ptr first = product();
  if (!peek().is_symbol("~"))
    return first;
  expression_ptr node = make(expression_kind::concat, peek().at);
  adopt(*node, std::move(first));
  while (skip_symbol("~"))
    adopt(*node, product());
  return node;
}

expression_ptr expression_parser::product() {
  expression_ptr left = power();
  while (peek().is_symbol("*") || peek().is_symbol("/") || peek().is_symbol("//") || peek().is_symbol("%")) {
    const template_token operation = next();
    left = binary(std::move(left), power(), operation);
  }
  return left;
}

expression_ptr expression_parser::power() {
  expression_ptr left = unary(true);
  while (peek().is_symbol("**")) {
    const template_token operation = next();
    left = binary(std::move(left), unary(true), operation);
  }
  return left;
}

expression_ptr expression_parser::unary(bool with_filters) {
  expression_ptr node;
  if (peek().is_symbol("-") || peek().is_symbol("+")) {
    const nesting held(*this);
    const template_token sign = next();
    node = make(sign.text == "-" ? expression_kind::negation : expression_kind::identity, sign.at);
    adopt(*node, unary(false));
  } else {
    node = primary(false);
  }
  node = postfix(std::move(node));
  return with_filters ? filters_and_tests(std::move(node)) : std::move(node);
}

expression_ptr expression_parser::primary(bool with_namespace) {
  const template_token& token = peek();
  if (token.kind == token_kind::name)
    return name_or_constant(with_namespace);
  if (token.is_symbol("[") || token.is_symbol("{"))
    return token.is_symbol("[") ? list_literal() : dict_literal();
  if (token.is_symbol("(")) {
    next();
    expression_ptr inner = tuple(true, false, false, true);
    expect_symbol(")");
    return inner;
  }
  expression_ptr node = make(expression_kind::literal, token.at);
  if (token.kind == token_kind::text) {
    std::string text;
    while (peek().kind == token_kind::text)
      text += next().text;
    node->value = marked_text(text, false);
  } else if (token.kind == token_kind::integer) {
    node->value = integer(next());
  } else if (token.kind == token_kind::real) {
    double number = 0;
    const std::string digits = next().text;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    node->value = number;
  } else {
    fail(token.at, fmt::format("unexpected {}", shown(token)));
  }
  return node;
}

template_value expression_parser::integer(const template_token& token) const {
  const std::string& text = token.text;
  const char marker = text.size() > 1 ? static_cast<char>(text[1] | 0x20) : ' ';
  const int base = text[0] != '0' ? 10 : marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 10;
  const char* first = text.data() + (base == 10 ? 0 : 2);
  int64_t number = 0;
  const auto parsed = std::from_chars(first, text.data() + text.size(), number, base);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      (base == 10 && text[0] == '0' && number != 0))
    fail(token.at, fmt::format("'{}' is not a whole number of 64 bits", text));
  return number;
}

expression_ptr expression_parser::name_or_constant(bool with_namespace) {
  const template_token token = next();
  expression_ptr node = make(expression_kind::literal, token.at);
  if (token.text == "true" || token.text == "True") {
    node->value = true;
  } else if (token.text == "false" || token.text == "False") {
    node->value = false;
  } else if (token.text != "none" && token.text != "None") {
    node->kind = expression_kind::name;
    node->name = token.text;
    used_names.caller |= token.text == "caller";
    used_names.varargs |= token.text == "varargs";
    used_names.kwargs |= token.text == "kwargs";
    if (with_namespace && skip_symbol(".")) {
      expression_ptr attribute = make(expression_kind::attribute, token.at);
      attribute->name = expect_name();
      adopt(*attribute, std::move(node));
      return attribute;
    }
  }
  return node;
}

expression_ptr expression_parser::list_literal() {
  expression_ptr node = make(expression_kind::list, next().at);
  while (!peek().is_symbol("]")) {
    adopt(*node, expression_of());
    if (!skip_symbol(","))
      break;
  }
  expect_symbol("]");
  return node;
}

expression_ptr expression_parser::dict_literal() {
  expression_ptr node = make(expression_kind::dict, next().at);
  while (!peek().is_symbol("}")) {
    adopt(*node, expression_of());
    expect_symbol(":");
    adopt(*node, expression_of());
    if (!skip_symbol(","))
      break;
  }
  expect_symbol("}");
  return node;
}

} // namespace troupe
