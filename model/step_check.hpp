#pragma once

#include "base/result.hpp"
#include "model/language_model.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace troupe {

/// What the slices of a step must fit into.
struct step_bounds {
  const model_shape& shape;
  size_t page_bytes;     // of one page
  size_t kv_bytes;       // of all pages
  int32_t tokens_max;    // of the step
  size_t logit_elements; // that the caller has room for
};

/// Every number of a step against its bounds, by name. Errors: bad_step.
status check_step(std::span<const sequence_slice> slices, const step_bounds& bounds);

} // namespace troupe
