#pragma once

#include "base/result.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace troupe {

/// Errors: output.
status write_json(const std::string& path, const nlohmann::ordered_json&);
status write_text(const std::string& path, std::string_view text);

} // namespace troupe
