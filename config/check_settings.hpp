#pragma once

#include "base/result.hpp"
#include "config/load_settings.hpp"

#include <string>

namespace troupe {

/// "localhost", ::1 and 127.0.0.0/8. Any other name might resolve to anything.
bool is_loopback(const std::string& host);

/// What no single row can say: settings that need or exclude each other. Each
/// message names both keys and where their values came from. Errors: conflict.
status check_settings(const loaded_settings&);

} // namespace troupe
