#pragma once

#include "cli/console.hpp"
#include "config/settings.hpp"
#include "runtime/node.hpp"

#include <memory>

namespace troupe {

/// A node without a listener, with a progress bar on a terminal while it loads.
result<std::unique_ptr<node>> start_local_node(const settings&, console&);

} // namespace troupe
