#include "tests/reference/reference_attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe::reference {

void attend(const attention_memory& memory, size_t kv_head, const double* query, size_t position,
            attention_window window, double* out) {
  const auto wide = memory.head_dim;
  std::vector<size_t> seen;
  for (size_t s = 0; s <= position; ++s)
    if (window.positions == 0 || position - s < static_cast<size_t>(window.positions) ||
        s < static_cast<size_t>(window.sinks))
      seen.push_back((s * memory.kv_heads + kv_head) * wide);
  std::vector<double> weight(seen.size());
  double largest = -INFINITY, total = 0.0;
  for (size_t i = 0; i < seen.size(); ++i) {
    for (size_t d = 0; d < wide; ++d)
      weight[i] += query[d] * memory.key[seen[i] + d];
    weight[i] /= std::sqrt(static_cast<double>(wide));
    largest = std::max(largest, weight[i]);
  }
  for (auto& each : weight)
    total += each = std::exp(each - largest);
  std::fill_n(out, wide, 0.0);
  for (size_t i = 0; i < seen.size(); ++i)
    for (size_t d = 0; d < wide; ++d)
      out[d] += weight[i] / total * memory.value[seen[i] + d];
}

} // namespace troupe::reference
