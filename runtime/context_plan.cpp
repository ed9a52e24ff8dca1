#include "runtime/context_plan.hpp"

#include "base/page_size.hpp"
#include "runtime/errors.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int64_t context_tokens_min = 256;
constexpr int64_t tokens_ahead_min = 64; // smaller chunks than this waste the machine

/// Most pages that a sequence holds: sinks, its window, and those ahead; window and what is ahead may begin
/// and end inside a page.
int64_t windowed_pages(attention_window window, int64_t ahead) {
  return pages_of(window.sinks) + pages_of(window.positions + static_cast<int32_t>(ahead)) + 1;
}

/// 0: the window saves nothing, or the pages are too few for it.
int64_t tokens_ahead(const settings& configuration, attention_window window, int64_t wanted, int64_t pages) {
  if (!window.limited())
    return 0;
  // A step's chunk, and the one that is asked for while it runs.
  auto ahead = 2 * configuration.max_batch_tokens;
  if (const auto too_many = windowed_pages(window, ahead) - pages; too_many > 0)
    ahead -= too_many * page_tokens;
  if (ahead < tokens_ahead_min || windowed_pages(window, ahead) >= pages_of(static_cast<int32_t>(wanted)))
    return 0;
  return ahead;
}

} // namespace

result<context_plan> plan_context(const settings& configuration, const model_shape& shape,
                                  size_t page_bytes) {
  const int64_t trained = shape.context_length;
  if (configuration.max_model_len > trained)
    return failure(runtime_error::no_room,
                   fmt::format("max_model_len = {}, but the model was trained for {} tokens: lower it",
                               configuration.max_model_len, trained));
  const auto wanted = configuration.max_model_len == 0 ? trained : configuration.max_model_len;
  const auto bytes = static_cast<size_t>(configuration.kv_cache_mib) << 20;
  const auto affordable = std::min<int64_t>(static_cast<int64_t>(bytes / page_bytes) - 1, // the canary's
                                            INT32_MAX / page_tokens);
  const auto ahead = tokens_ahead(configuration, shape.window, wanted, affordable);
  const int64_t each =
      ahead > 0 ? windowed_pages(shape.window, ahead) : pages_of(static_cast<int32_t>(wanted));
  const int64_t kept = configuration.prefix_cache ? 4 : 1; // three times as many for what has ended
  const auto pages = std::min(affordable, configuration.max_batch_size * each * kept);
  const auto tokens = ahead > 0 ? wanted : std::min(wanted, pages * page_tokens);
  if (tokens < std::min(wanted, context_tokens_min))
    return failure(
        runtime_error::no_room,
        fmt::format("kv_cache_mib = {} holds {} tokens, too few for a conversation: give at least {} MiB",
                    configuration.kv_cache_mib, std::max<int64_t>(0, tokens),
                    ((context_tokens_min / page_tokens + 1) * page_bytes >> 20) + 1));
  return context_plan{static_cast<int32_t>(tokens), static_cast<int32_t>(pages), static_cast<int32_t>(ahead)};
}

} // namespace troupe
