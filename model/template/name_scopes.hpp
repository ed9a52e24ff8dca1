#pragma once

#include "model/template/nodes.hpp"

namespace troupe {

/// Finds, for each scope of a program, the names that are undefined in it until it sets them, although the
/// caller gave them a value: Jinja decides when it compiles whose a name is, and one that a scope sets before
/// it reads it is the scope's own from its beginning, also for the loops in it. Source: jinja2 3.1,
/// idtracking (what is a load, a store, a branch). Fills statement::hidden; returns those of the program
/// itself.
std::vector<std::string> find_hidden_names(statement_list& program);

} // namespace troupe
