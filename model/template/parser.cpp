#include "model/template/parser.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr uint32_t block_depth_max = 60;

} // namespace

statement_list template_parser::run() {
  statement_list statements = body({});
  expressions_.expect(token_kind::end, "the end of the template");
  return statements;
}

// Up to the block tag that begins with one of the ends, whose name is next; without ends, up to the end.
statement_list template_parser::body(std::initializer_list<std::string_view> ends) {
  if (++depth_ > block_depth_max)
    expressions_.fail(expressions_.peek().at, fmt::format("blocks nest deeper than {}", block_depth_max));
  statement_list made;
  while (true) {
    const template_token& token = expressions_.peek();
    if (token.kind == token_kind::end) {
      if (ends.size() > 0)
        expressions_.fail(token.at,
                          fmt::format("the template ends where '{}' is missing", *(ends.end() - 1)));
      break;
    }
    statement next;
    next.at = token.at;
    if (token.kind == token_kind::data) {
      next.text = marked_text(expressions_.next().text, false);
    } else if (token.kind == token_kind::output_begin) {
      expressions_.next();
      next.kind = statement_kind::output;
      next.expressions.push_back(expressions_.tuple());
      expressions_.expect(token_kind::output_end, "'}}'");
    } else {
      expressions_.expect(token_kind::block_begin, "a tag");
      const std::string& name = expressions_.peek().text;
      if (expressions_.peek().kind == token_kind::name &&
          std::find(ends.begin(), ends.end(), name) != ends.end())
        break;
      next = tag();
    }
    made.push_back(std::move(next));
  }
  --depth_;
  return made;
}

statement_list template_parser::closed_body(std::string_view end) {
  end_tag();
  statement_list made = body({end});
  expressions_.expect_name(end);
  return made;
}

void template_parser::end_tag() {
  expressions_.skip_symbol(":");
  expressions_.expect(token_kind::block_end, "'%}'");
}

statement template_parser::tag() {
  statement made;
  made.at = expressions_.peek().at;
  const std::string name = expressions_.expect_name();
  if (name == "if") {
    made = condition(std::move(made));
  } else if (name == "for") {
    made = loop(std::move(made));
  } else if (name == "set") {
    made = set(std::move(made));
  } else if (name == "macro") {
    made = macro(std::move(made));
  } else if (name == "call") {
    made = call_block(std::move(made));
  } else if (name == "with") {
    made = with(std::move(made));
  } else if (name == "filter") {
    made.kind = statement_kind::filter_block;
    made.expressions.push_back(expressions_.filters(nullptr, true));
    made.bodies.push_back(closed_body("endfilter"));
  } else if (name == "generation") {
    made.kind = statement_kind::scope;
    const uint32_t outer_loops = std::exchange(loops_, 0); // a body of its own: no break out of it
    made.bodies.push_back(closed_body("endgeneration"));
    loops_ = outer_loops;
  } else if (name == "break" || name == "continue") {
    made.kind = name == "break" ? statement_kind::break_loop : statement_kind::continue_loop;
    if (loops_ == 0)
      expressions_.fail(made.at, fmt::format("'{}' outside a loop", name));
  } else if (name == "include" || name == "import" || name == "from" || name == "extends") {
    made.kind = statement_kind::refused; // an error only where it is reached, as without a loader in Jinja
    made.name = name;
    while (expressions_.peek().kind != token_kind::block_end)
      expressions_.next();
  } else if (name == "block" || name == "autoescape") {
    expressions_.fail(made.at, fmt::format("the tag '{}' is not supported in a chat template", name));
  } else {
    expressions_.fail(made.at, fmt::format("the tag '{}' is unknown, or closes nothing here", name));
  }
  expressions_.expect(token_kind::block_end, "'%}'");
  return made;
}

statement template_parser::condition(statement made) {
  made.kind = statement_kind::condition;
  while (true) {
    made.expressions.push_back(expressions_.tuple(false));
    end_tag();
    made.bodies.push_back(body({"elif", "else", "endif"}));
    if (expressions_.skip_name("elif"))
      continue;
    if (expressions_.skip_name("else"))
      made.bodies.push_back(closed_body("endif"));
    else
      expressions_.expect_name("endif");
    return made;
  }
}

statement template_parser::loop(statement made) {
  made.kind = statement_kind::loop;
  ++expressions_.for_depth;
  made.targets.push_back(expressions_.target(false, true, "in"));
  expressions_.expect_name("in");
  made.expressions.push_back(expressions_.tuple(false, false, false, false, "recursive"));
  if (expressions_.skip_name("if"))
    made.expressions.push_back(expressions_.expression_of());
  made.recursive = expressions_.skip_name("recursive");
  end_tag();
  ++loops_;
  made.bodies.push_back(body({"endfor", "else"}));
  --loops_;
  if (expressions_.skip_name("else"))
    made.bodies.push_back(closed_body("endfor"));
  else
    expressions_.expect_name("endfor");
  --expressions_.for_depth;
  return made;
}

statement template_parser::set(statement made) {
  made.targets.push_back(expressions_.target(true));
  if (expressions_.skip_symbol("=")) {
    made.kind = statement_kind::set;
    made.expressions.push_back(expressions_.tuple());
    return made;
  }
  made.kind = statement_kind::set_block;
  if (expression_ptr filters = expressions_.filters(nullptr))
    made.expressions.push_back(std::move(filters));
  made.bodies.push_back(closed_body("endset"));
  return made;
}

void template_parser::parameters(statement& made) {
  expressions_.expect_symbol("(");
  while (!expressions_.peek().is_symbol(")")) {
    if (!made.parameters.empty())
      expressions_.expect_symbol(",");
    const template_position at = expressions_.peek().at;
    const std::string name = expressions_.expect_name();
    if (std::find(made.parameters.begin(), made.parameters.end(), name) != made.parameters.end())
      expressions_.fail(at, fmt::format("the parameter '{}' appears twice", name));
    made.parameters.push_back(name);
    if (expressions_.skip_symbol("="))
      made.expressions.push_back(expressions_.expression_of());
    else if (made.expressions.size() > (made.kind == statement_kind::call_block ? 1u : 0u))
      expressions_.fail(at, "a parameter without a default behind one with a default");
  }
  expressions_.expect_symbol(")");
}

void template_parser::macro_body(statement& made, std::string_view end) {
  const auto outer_names = std::exchange(expressions_.used_names, {});
  const uint32_t outer_loops = std::exchange(loops_, 0);
  made.bodies.push_back(closed_body(end));
  loops_ = outer_loops;
  made.uses_caller = expressions_.used_names.caller;
  made.uses_varargs = expressions_.used_names.varargs;
  made.uses_kwargs = expressions_.used_names.kwargs;
  // A macro inside a macro counts for both, as in Jinja.
  expressions_.used_names.caller |= outer_names.caller;
  expressions_.used_names.varargs |= outer_names.varargs;
  expressions_.used_names.kwargs |= outer_names.kwargs;
}

statement template_parser::macro(statement made) {
  made.kind = statement_kind::macro;
  made.name = expressions_.expect_name();
  parameters(made);
  macro_body(made, "endmacro");
  return made;
}

statement template_parser::call_block(statement made) {
  made.kind = statement_kind::call_block;
  made.name = "caller";
  made.expressions.push_back(nullptr);
  if (expressions_.peek().is_symbol("("))
    parameters(made);
  made.expressions[0] = expressions_.expression_of();
  if (made.expressions[0]->kind != expression_kind::call)
    expressions_.fail(made.at, "'call' needs a call behind it");
  macro_body(made, "endcall");
  return made;
}

statement template_parser::with(statement made) {
  made.kind = statement_kind::with;
  while (expressions_.peek().kind != token_kind::block_end) {
    if (!made.targets.empty())
      expressions_.expect_symbol(",");
    made.targets.push_back(expressions_.target(false, false));
    expressions_.expect_symbol("=");
    made.expressions.push_back(expressions_.expression_of());
  }
  made.bodies.push_back(closed_body("endwith"));
  return made;
}

} // namespace troupe
