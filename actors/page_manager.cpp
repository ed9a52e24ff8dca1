#include "actors/page_manager.hpp"

#include "actors/faults.hpp"
#include "actors/keep_quiet.hpp"

namespace troupe {

page_manager::page_manager(caf::actor_config& config, int32_t page_count, attention_window window,
                           metrics& metrics)
    : page_manager_actor::base(config), book_(page_count, window), metrics_(metrics) {}

page_manager::behavior_type page_manager::make_behavior() {
  keep_quiet(*this);
  metrics_.set_kv_pages(book_.free_pages(), book_.used_pages(), book_.idle_pages());
  return {
      [this](const page_request& request) { return answer(request); },
      [](const inject_fault& fault) { commit_fault(fault); },
  };
}

page_grants page_manager::answer(const page_request& request) {
  auto out = book_.answer(request);
  const auto counts = book_.counts();
  const auto add = [](prometheus::Counter& counter, int64_t before, int64_t after) {
    counter.Increment(static_cast<double>(after - before));
  };
  add(metrics_.prefix_cache_queries_total, counted_.queried_tokens, counts.queried_tokens);
  add(metrics_.prefix_cache_hits_total, counted_.hit_tokens, counts.hit_tokens);
  add(metrics_.prefix_cache_waits_total, counted_.waits, counts.waits);
  add(metrics_.prefix_cache_evictions_total, counted_.evicted_pages, counts.evicted_pages);
  counted_ = counts;
  metrics_.set_kv_pages(book_.free_pages(), book_.used_pages(), book_.idle_pages());
  return out;
}

} // namespace troupe
