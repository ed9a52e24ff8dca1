#pragma once

#include "actors/messages.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a front and an engine in a process of its own say to each other. supervision/engine_wire.hpp has
/// their form on the link.
namespace troupe {

// -- to the engine's process

/// The first message, before anything is loaded.
struct engine_setup {
  uint32_t wire_version = 0;
  epoch_number last_epoch = 0; // the engine's first life is the next one
};

/// Are you there? Answered by an actor; while the model is loaded, by the link's thread.
struct engine_ping {};

/// Ends the engine in good order, then its process.
struct engine_stop {};

using to_engine = std::variant<engine_setup, dispatch_sequence, cancel_sequence, step_ack, health_probe,
                               inject_fault, engine_ping, engine_stop>;

// -- from the engine's process

/// Bytes of weights.
struct engine_loading {
  uint64_t done_bytes = 0;
  uint64_t total_bytes = 0;
};

/// The model is loaded; engine_up follows.
struct engine_loaded {
  int32_t context_tokens = 0; // of a sequence, as in context_plan
  int32_t pages = 0;
  uint64_t numeric_class = 0;
  uint64_t weight_bytes = 0;
  int32_t window_positions = 0; // as in attention_window
  int32_t window_sinks = 0;
};

/// It cannot start, and ends.
struct engine_refused {
  std::string reason; // a sentence
};

struct engine_pong {};

/// metrics::engine_counts(), now and then.
struct engine_counts {
  std::vector<double> values;
};

/// It ends by itself: its supervisor has given up.
struct engine_gave_up {};

using from_engine = std::variant<engine_loading, engine_loaded, engine_refused, engine_up, step_result,
                                 health_report, engine_pong, engine_counts, engine_gave_up>;

} // namespace troupe
