#pragma once

#include "base/attention_window.hpp"

#include <cstddef>

namespace troupe::reference {

/// Keys and values of one sequence.
struct attention_memory {
  const double* key;   // [positions, kv_heads, head_dim]
  const double* value; // as key
  size_t kv_heads, head_dim;
};

/// softmax(q k / sqrt(head_dim)) v in float64, for one head's query at `position`, over the keys that it
/// sees. query and out [head_dim].
void attend(const attention_memory& memory, size_t kv_head, const double* query, size_t position,
            attention_window window, double* out);

} // namespace troupe::reference
