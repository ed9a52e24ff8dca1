#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "model/model_shape.hpp"

#include <cstddef>
#include <cstdint>

namespace troupe {

/// How long a sequence may be, and the pages for all.
struct context_plan {
  int32_t tokens = 0; // of prompt and answer together
  int32_t pages = 0;
  int32_t tokens_ahead = 0; // planner_limits: with a window, pages for so many uncomputed tokens; 0: for all
};

/// All pages that the setting pays for, but no more than max_batch_size sequences of full length can fill,
/// and with the prefix cache three times as many for what has ended. A sequence may be as long as the model
/// was trained for, and the setting says. It must be able to have its pages: all of them, or with a window
/// what it sees and what it is about to compute, whatever its length. Errors: no_room.
result<context_plan> plan_context(const settings& configuration, const model_shape& shape, size_t page_bytes);

} // namespace troupe
