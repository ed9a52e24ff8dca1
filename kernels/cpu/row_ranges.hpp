#pragma once

#include "kernels/cpu/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace troupe {

/// Rows of an elementwise operation that one task takes: enough that handing it out costs little.
inline constexpr int32_t rows_per_task = 8;

/// Calls kernel(begin, end) for stretches of [0, rows).
template <class Kernel>
void run_rows(thread_pool& threads, int32_t rows, const Kernel& kernel) {
  const int32_t tasks = (rows + rows_per_task - 1) / rows_per_task;
  threads.run(static_cast<size_t>(tasks), [&](size_t index) {
    const auto begin = static_cast<int32_t>(index) * rows_per_task;
    kernel(begin, std::min(rows, begin + rows_per_task));
  });
}

} // namespace troupe
