#pragma once

#include <string_view>

namespace troupe {

enum class runtime_error {
  no_room = 1,    // the KV cache or the context length does not fit
  model_mismatch, // the parts of a model file contradict each other
};

inline std::string_view to_string(runtime_error value) {
  return value == runtime_error::no_room ? "no_room" : "model_mismatch";
}

inline std::string_view module_name(runtime_error) {
  return "runtime";
}

} // namespace troupe
