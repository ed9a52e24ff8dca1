#include "model/template/name_scopes.hpp"

#include <algorithm>
#include <set>

namespace troupe {

namespace {

/// The names of one scope, in the order in which its statements are read.
class scope_names {
public:
  explicit scope_names(const scope_names* outer) : outer_(outer) {}

  bool knows(const std::string& name) const {
    return seen_.contains(name) || (outer_ != nullptr && outer_->knows(name));
  }

  void declare(const std::string& name) { seen_.insert(name); }
  void load(const std::string& name) {
    if (!knows(name))
      seen_.insert(name);
  }
  void store(const std::string& name) {
    stored_.insert(name);
    if (!seen_.insert(name).second || (outer_ != nullptr && outer_->knows(name)))
      return;
    hidden_.insert(name);
  }

  /// Takes over what the branches of an if hold; a name that not all of them set is still the caller's.
  void merge(const std::vector<scope_names>& branches) {
    std::set<std::string> partly;
    for (const scope_names& branch : branches)
      for (const std::string& name : branch.stored_)
        if (!stored_.contains(name) &&
            !std::all_of(branches.begin(), branches.end(),
                         [&](const scope_names& each) { return each.stored_.contains(name); }))
          partly.insert(name);
    for (const scope_names& branch : branches) {
      seen_.insert(branch.seen_.begin(), branch.seen_.end());
      stored_.insert(branch.stored_.begin(), branch.stored_.end());
      hidden_.insert(branch.hidden_.begin(), branch.hidden_.end());
    }
    for (const std::string& name : partly)
      hidden_.erase(name);
  }

  std::vector<std::string> hidden() const { return {hidden_.begin(), hidden_.end()}; }

private:
  const scope_names* outer_;
  std::set<std::string> seen_, stored_, hidden_;
};

void read(scope_names& names, const expression_ptr& node) {
  if (node == nullptr)
    return;
  if (node->kind == expression_kind::name)
    names.load(node->name);
  for (const expression_ptr& child : node->children)
    read(names, child);
}

/// A target of set, for or with. An attribute of a namespace only reads the namespace.
void write(scope_names& names, const expression& target, bool declares) {
  if (target.kind == expression_kind::tuple) {
    for (const expression_ptr& child : target.children)
      write(names, *child, declares);
  } else if (target.kind != expression_kind::name) {
    read(names, target.children[0]);
  } else if (declares) {
    names.declare(target.name);
  } else {
    names.store(target.name);
  }
}

void read(scope_names& names, const statement_list& statements);

/// What one statement does to the names of the scope it stands in. Bodies with scopes of their own come
/// later.
void read(scope_names& names, const statement& each) {
  switch (each.kind) {
  case statement_kind::condition: {
    read(names, each.expressions[0]);
    std::vector<scope_names> branches(3, names); // if, all elifs, else
    read(branches[0], each.bodies[0]);
    for (std::size_t i = 1; i < each.expressions.size(); ++i) {
      read(branches[1], each.expressions[i]);
      read(branches[1], each.bodies[i]);
    }
    if (each.bodies.size() > each.expressions.size())
      read(branches[2], each.bodies.back());
    names.merge(branches);
    return;
  }
  case statement_kind::macro:
    names.store(each.name);
    return;
  case statement_kind::loop:
  case statement_kind::call_block:
    read(names, each.expressions[0]);
    return;
  case statement_kind::set:
    read(names, each.expressions[0]);
    write(names, *each.targets[0], false);
    return;
  case statement_kind::set_block:
    write(names, *each.targets[0], false);
    return;
  default: // output, with, filter: what stands in the tag
    for (const expression_ptr& node : each.expressions)
      read(names, node);
  }
}

void read(scope_names& names, const statement_list& statements) {
  for (const statement& each : statements)
    read(names, each);
}

void find(statement_list& statements, const scope_names& outer);

/// One body with a scope of its own, whose parameters are declared already.
std::vector<std::string> find_in(scope_names& names, statement_list& body) {
  read(names, body);
  find(body, names);
  return names.hidden();
}

void find(statement& each, const scope_names& outer) {
  if (each.kind == statement_kind::condition) {
    for (statement_list& body : each.bodies)
      find(body, outer);
    return;
  }
  for (std::size_t i = 0; i < each.bodies.size(); ++i) {
    scope_names names(&outer);
    const bool loop_body = each.kind == statement_kind::loop && i == 0;
    if (loop_body)
      names.declare("loop");
    if (loop_body || each.kind == statement_kind::with)
      for (const expression_ptr& target : each.targets)
        write(names, *target, loop_body);
    for (const std::string& name : each.parameters)
      names.declare(name);
    if (each.kind == statement_kind::macro || each.kind == statement_kind::call_block) {
      for (const char* special : {"caller", "kwargs", "varargs"})
        names.declare(special);
      for (std::size_t k = each.kind == statement_kind::call_block ? 1 : 0; k < each.expressions.size(); ++k)
        read(names, each.expressions[k]);
    }
    each.hidden.push_back(find_in(names, each.bodies[i]));
  }
}

void find(statement_list& statements, const scope_names& outer) {
  for (statement& each : statements)
    find(each, outer);
}

} // namespace

std::vector<std::string> find_hidden_names(statement_list& program) {
  scope_names names(nullptr);
  return find_in(names, program);
}

} // namespace troupe
