#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "observe/metrics.hpp"
#include "runtime/context_plan.hpp"
#include "supervision/engine_supervisor.hpp"

#include <memory>

namespace troupe {

/// An engine over loaded weights, ready to be spawned.
struct engine_parts {
  engine_options options; // without a census
  context_plan context;
  std::shared_ptr<directory_tier> tier; // null: none
};

/// Takes the memory for the pages. numbers and clock must outlive `kept`. Errors: no_room, those of kv_store
/// and of open_kv_directory.
result<engine_parts> make_engine_parts(const settings& configuration,
                                       std::shared_ptr<const language_model> weights, metrics& numbers,
                                       const time_source& clock, const std::shared_ptr<const void>& kept,
                                       std::shared_ptr<step_record> record);

} // namespace troupe
