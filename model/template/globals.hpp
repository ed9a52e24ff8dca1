#pragma once

#include "model/template/scope.hpp"

#include <memory>
#include <vector>

namespace troupe {

/// Objects that templates can make point at each other; emptied when the rendering ends.
using namespace_pool = std::vector<std::shared_ptr<namespace_object>>;

/// The functions that every template sees: range, dict, namespace, joiner, and transformers'
/// raise_exception and strftime_now. now: unix seconds. pool outlives the scope.
void define_globals(template_scope& scope, int64_t now, namespace_pool& pool);

} // namespace troupe
