#pragma once

#include "actors/messages.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace troupe {

/// What `generate` and `chat` let one say about an answer.
struct sampling_flags {
  sampling_params params; // its temperature, before parsing, is the command's default
  std::string system;
  std::optional<int32_t> max_tokens;
  std::optional<uint64_t> seed;

  /// Everything of a request but its messages and prompt.
  generation_request request() const;
};

/// The flags must outlive the parse, and stay where they are.
void add_sampling_flags(CLI::App&, sampling_flags&);

/// Errors: bad_usage, with the bounds.
status check(const sampling_flags&);

/// The settings that matter to a node without a listener.
inline constexpr std::string_view local_setting_keys[] = {
    "model.path",    "model.max_model_len", "engine.threads",          "engine.cpu_isa",
    "engine.device", "engine.kv_cache_mib", "engine.attention_window", "engine.attention_sinks",
    "log.level"};

} // namespace troupe
