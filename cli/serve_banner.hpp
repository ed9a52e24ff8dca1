#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <string>

namespace troupe {

/// What `serve` prints once it listens: where the API, the WebSocket and the metrics are. port: the one in
/// use.
std::string serve_banner(const settings&, const std::string& model, uint16_t port);

} // namespace troupe
