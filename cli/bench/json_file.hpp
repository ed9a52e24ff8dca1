#pragma once

#include "base/result.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace troupe {

/// Errors: output.
status write_json(const std::string& path, const nlohmann::ordered_json&);

} // namespace troupe
