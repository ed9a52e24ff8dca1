#include "runtime/engine_parts.hpp"

#include "runtime/kv_directory.hpp"

#include <algorithm>
#include <thread>

namespace troupe {

namespace {

planner_limits limits_of(const settings& configuration, const context_plan& context,
                         const language_model& model) {
  return {.max_batch_size = static_cast<int32_t>(configuration.max_batch_size),
          .max_batch_tokens = static_cast<int32_t>(configuration.max_batch_tokens),
          .step_time_max = milliseconds(configuration.step_time_max_ms),
          .step_stretch_max = static_cast<double>(configuration.step_stretch_percent) / 100,
          .batch_window = milliseconds(configuration.batch_window_ms),
          .batch_window_kind =
              configuration.batch_window == "fixed" ? window_kind::fixed : window_kind::adaptive,
          .canary_page = context.pages,
          .priority_level = milliseconds(configuration.priority_level_ms),
          .prefix_cache = configuration.prefix_cache,
          .numeric_class = model.numeric_class(),
          .window = model.shape().window,
          .tokens_ahead = context.tokens_ahead};
}

int threads_of(const settings& configuration) {
  if (configuration.threads > 0)
    return static_cast<int>(configuration.threads);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

} // namespace

result<engine_parts> make_engine_parts(const settings& configuration,
                                       std::shared_ptr<const language_model> weights, metrics& numbers,
                                       const time_source& clock, const std::shared_ptr<const void>& kept,
                                       std::shared_ptr<step_record> record) {
  const auto context = plan_context(configuration, weights->shape(), weights->page_bytes());
  if (!context)
    return forward_error(context);
  auto pages = weights->make_pages(context->pages + 1);
  if (!pages)
    return forward_error(pages);
  auto tier = open_kv_directory(configuration, weights->numeric_class(), *pages, numbers, clock, kept);
  if (!tier)
    return forward_error(tier);
  engine_parts out{.options = {}, .context = *context, .tier = *tier};
  out.options.batching = {limits_of(configuration, *context, *weights),
                          milliseconds(configuration.step_deadline_ms)};
  out.options.resources = {.model = std::move(weights),
                           .pages = std::move(*pages),
                           .threads = std::make_shared<thread_pool>(threads_of(configuration)),
                           .record = std::move(record),
                           .lease = std::make_shared<std::mutex>(),
                           .clock = &clock,
                           .tier = std::move(*tier)};
  out.options.page_count = context->pages;
  out.options.intensity = {configuration.restart_intensity, configuration.restart_period_ms};
  out.options.epochs = std::make_shared<epoch_source>(0);
  return out;
}

} // namespace troupe
