#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace troupe {

/// --seed UINT. CLI11 alone would take -1 for 2^64 - 1.
CLI::Option* add_seed_option(CLI::App&, std::function<void(uint64_t)> store, std::string help);

} // namespace troupe
