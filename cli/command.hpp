#pragma once

#include "cli/console.hpp"

#include <functional>

namespace CLI {
class App;
}

namespace troupe {

/// What is left to do once the arguments are read; returns the exit code.
using command = std::function<int(console&)>;

// One file each. They add a subcommand to the parent and set `chosen` when it is the one that was asked for.
void add_serve(CLI::App& parent, command& chosen);
void add_engine(CLI::App& parent, command& chosen);
void add_generate(CLI::App& parent, command& chosen);
void add_chat(CLI::App& parent, command& chosen);
void add_batch(CLI::App& parent, command& chosen);
void add_bench_attention(CLI::App& parent, command& chosen);
void add_bench_engine(CLI::App& parent, command& chosen);
void add_bench_perplexity(CLI::App& parent, command& chosen);
void add_bench_serve(CLI::App& parent, command& chosen);
void add_check(CLI::App& parent, command& chosen);
void add_version(CLI::App& parent, command& chosen);

} // namespace troupe
