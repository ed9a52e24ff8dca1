#pragma once

#include "model/template/nodes.hpp"

namespace troupe {

/// Throws template_syntax_failure for a filter or test that does not exist, where Jinja finds it while it
/// compiles: everywhere but directly inside an if. There it is an error only when it is reached.
void check_names(const statement_list& program);

} // namespace troupe
