#include "model/step_check.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

template <class... Args>
status refuse(fmt::format_string<Args...> text, Args&&... args) {
  return failure(model_error::bad_step, fmt::format(text, std::forward<Args>(args)...));
}

status check_slice(const sequence_slice& slice, const step_bounds& bounds) {
  const auto count = static_cast<int64_t>(slice.tokens.size());
  const int64_t end = int64_t{slice.position} + count;
  if (count < 1 || count > bounds.tokens_max)
    return refuse("tokens of a slice: expected 1 to {}, got {}", bounds.tokens_max, count);
  if (slice.position < 0 || end > bounds.shape.context_length)
    return refuse("positions: expected within 0 to {}, got {} to {}", bounds.shape.context_length,
                  slice.position, end);
  if (slice.logit_rows < 0 || slice.logit_rows > count)
    return refuse("logit_rows: expected 0 to {}, got {}", count, slice.logit_rows);
  if (slice.greedy != nullptr && slice.logit_rows != 0)
    return refuse("logit_rows: expected 0 beside a greedy token, got {}", slice.logit_rows);
  for (auto token : slice.tokens)
    if (token < 0 || token >= bounds.shape.vocabulary)
      return refuse("token: expected 0 to {}, got {}", bounds.shape.vocabulary - 1, token);
  const auto pages = static_cast<size_t>((end + page_tokens - 1) / page_tokens);
  if (slice.block_table.size() < pages)
    return refuse("block_table: expected at least {} pages for {} positions, got {}", pages, end,
                  slice.block_table.size());
  const auto pages_max = static_cast<int64_t>(bounds.kv_bytes / bounds.page_bytes);
  const auto& window = bounds.shape.window;
  const auto unseen_begin = static_cast<size_t>(pages_of(window.sinks));
  const auto unseen_end = static_cast<size_t>(window.first_of(slice.position) / page_tokens);
  for (size_t i = 0; i < pages; ++i)
    if (const auto page = slice.block_table[i];
        (page < 0 || page >= pages_max) && (i < unseen_begin || i >= unseen_end))
      return refuse("page: expected 0 to {}, got {}", pages_max - 1, page);
  return {};
}

} // namespace

status check_step(std::span<const sequence_slice> slices, const step_bounds& bounds) {
  size_t tokens = 0, rows = 0;
  for (const auto& slice : slices) {
    if (auto checked = check_slice(slice, bounds); !checked)
      return checked;
    tokens += slice.tokens.size();
    rows += static_cast<size_t>(slice.logit_rows);
    if (tokens > static_cast<size_t>(bounds.tokens_max))
      return refuse("tokens of a step: expected at most {}", bounds.tokens_max);
  }
  const size_t wanted = rows * static_cast<size_t>(bounds.shape.vocabulary);
  if (bounds.logit_elements != wanted)
    return refuse("logits: expected {} elements for {} rows, got {}", wanted, rows, bounds.logit_elements);
  return {};
}

} // namespace troupe
