#pragma once

#include <string_view>

namespace troupe {

enum class runtime_error {
  no_room = 1,    // the KV cache or the context length does not fit
  model_mismatch, // the parts of a model file contradict each other
  engine_failed,  // an engine's process did not start
  not_supported,  // a setting that is not for this kind of host
};

inline std::string_view to_string(runtime_error value) {
  switch (value) {
  case runtime_error::no_room:
    return "no_room";
  case runtime_error::model_mismatch:
    return "model_mismatch";
  case runtime_error::engine_failed:
    return "engine_failed";
  case runtime_error::not_supported:
    return "not_supported";
  }
  return "unknown";
}

inline std::string_view module_name(runtime_error) {
  return "runtime";
}

} // namespace troupe
