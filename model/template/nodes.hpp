#pragma once

#include "model/template/token.hpp"
#include "model/template/value.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// The tree of a parsed template: plain data, never changed after parsing.

struct expression;
using expression_ptr = std::unique_ptr<expression>;

enum class expression_kind {
  literal,     // value
  name,        // name
  tuple,       // children
  list,        // children
  dict,        // children: key, value, key, value, ...
  attribute,   // children[0].name
  item,        // children[0][children[1]]
  slice,       // children[0][children[1] : children[2] : children[3]], null where not given
  call,        // children[0](children[1...]); see arguments
  filter,      // children[0] | name(children[1...]); a null input is the text of a block
  test,        // children[0] is name(children[1...])
  negation,    // - children[0]
  identity,    // + children[0]
  logical_not, // children[0]
  logical_and, // children
  logical_or,  // children
  arithmetic,  // children[0] operators[0] children[1]
  concat,      // children, as text
  comparison,  // children[0] operators[0] children[1] operators[1] children[2] ...
  conditional, // children[1] if children[0] else children[2]; null without else
};

struct expression {
  expression_kind kind = expression_kind::literal;
  template_position at;
  uint32_t depth = 1; // of this tree
  template_value value;
  std::string name;
  std::vector<expression_ptr> children;
  std::vector<std::string> operators;
  // Arguments of call, filter and test: positional ones, then one for each keyword, then *args, then
  // **kwargs.
  std::vector<std::string> keywords;
  bool spreads_list = false;
  bool spreads_dict = false;
};

struct statement;
using statement_list = std::vector<statement>;

enum class statement_kind {
  text,         // text
  output,       // expressions[0]
  condition,    // bodies[i] if expressions[i]; one body more is the else
  loop,         // target in expressions[0] [if expressions[1]]: bodies[0], else bodies[1]
  set,          // target = expressions[0]
  set_block,    // target = bodies[0] [through the filters expressions[0]]
  macro,        // name(parameters = expressions, of the last ones): bodies[0]
  call_block,   // expressions[0] is the call, the rest defaults; bodies[0] is the caller
  filter_block, // expressions[0] over bodies[0]
  with,         // targets = expressions: bodies[0]
  scope,        // bodies[0] with names of its own ({% generation %})
  refused,      // include and its kin: name
  break_loop,
  continue_loop,
};

struct statement {
  statement_kind kind = statement_kind::text;
  template_position at;
  template_value text;
  std::string name;
  std::vector<expression_ptr> targets; // names, tuples of targets, or ns.attribute
  std::vector<expression_ptr> expressions;
  std::vector<statement_list> bodies;
  std::vector<std::string> parameters;
  std::vector<std::vector<std::string>> hidden; // of each body with a scope: names it has before it sets them
  bool recursive = false;                       // a loop that can be called
  bool uses_caller = false;                     // a macro's body names caller, varargs, kwargs
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

} // namespace troupe
