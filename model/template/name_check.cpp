#include "model/template/name_check.hpp"

#include "model/template/filters.hpp"
#include "model/template/lexer.hpp"
#include "model/template/predicates.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

void check(const expression_ptr& node, bool soft) {
  if (node == nullptr)
    return;
  soft = soft || node->kind == expression_kind::conditional;
  if (!soft && node->kind == expression_kind::filter && find_filter(node->name) == nullptr)
    throw template_syntax_failure{fmt::format("no filter named '{}'", node->name), node->at};
  if (!soft && node->kind == expression_kind::test && find_predicate(node->name) == nullptr)
    throw template_syntax_failure{fmt::format("no test named '{}'", node->name), node->at};
  for (const expression_ptr& child : node->children)
    check(child, soft);
}

void check(const statement_list& statements, bool soft) {
  for (const statement& each : statements) {
    const bool is_if = each.kind == statement_kind::condition;
    // Only an if passes its softness on; a loop, a macro or a block begins anew.
    for (const expression_ptr& node : each.expressions)
      check(node, soft || is_if);
    for (const statement_list& body : each.bodies)
      check(body, is_if);
  }
}

} // namespace

void check_names(const statement_list& program) {
  check(program, false);
}

} // namespace troupe
