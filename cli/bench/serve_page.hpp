#pragma once

#include "cli/bench/serve_report.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace troupe {

/// One HTML page that needs nothing else, no script and no network: rates, latency distributions, how the
/// load went along. setup: what was asked for and measured on, an object of plain values and objects.
std::string serve_page(const serve_report&, const nlohmann::ordered_json& setup);

} // namespace troupe
