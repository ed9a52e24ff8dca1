#include "actors/page_manager.hpp"

#include "actors/faults.hpp"
#include "actors/keep_quiet.hpp"
#include "observe/log.hpp"

#include <caf/send.hpp>

namespace troupe {

namespace {

constexpr milliseconds read_tick{100};
constexpr milliseconds save_limit{5000}; // of the time that a node may take to end

} // namespace

page_manager::page_manager(caf::actor_config& config, int32_t page_count, attention_window window,
                           std::shared_ptr<directory_tier> tier, const time_source& clock, metrics& metrics)
    : page_manager_actor::base(config), book_(page_count, window), tier_(std::move(tier)), clock_(clock),
      metrics_(metrics) {
  if (tier_)
    book_.use_tier(functions_of_tier(), clock_);
}

page_manager::behavior_type page_manager::make_behavior() {
  keep_quiet(*this);
  metrics_.set_kv_pages(book_.free_pages(), book_.used_pages(), book_.idle_pages());
  return {
      [this](const page_request& request) {
        if (tier_ && current_sender())
          batcher_ = caf::actor_cast<batcher_actor>(current_sender());
        return answer(request);
      },
      [this](const fetched_page& page) {
        tell(
            book_.take_page(page.ticket, page.bytes ? std::span(*page.bytes) : std::span<const std::byte>{}));
      },
      [this](tick) {
        watching_ = false;
        tell(book_.expire_reads());
        watch_reads();
      },
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
  watch_reads();
  return out;
}

page_tier page_manager::functions_of_tier() {
  // A read may end after this actor did: its answer must not keep it alive.
  const auto self = address();
  return {
      .contains = [tier = tier_](const page_key& key) { return tier->contains(key); },
      .keep = [tier = tier_](const page_identity& identity, page_id page) { tier->keep(identity, page); },
      .read =
          [tier = tier_, self](const page_ticket& ticket, const page_identity& identity) {
            return tier->read(identity, [self, ticket](std::optional<std::vector<std::byte>> page) {
              const auto asked = caf::actor_cast<caf::actor>(self);
              if (!asked)
                return;
              fetched_page out{ticket, nullptr};
              if (page)
                out.bytes = std::make_shared<const std::vector<std::byte>>(std::move(*page));
              caf::anon_send(asked, std::move(out));
            });
          },
      .fill = [tier = tier_](page_id page, std::span<const std::byte> bytes) { tier->fill(page, bytes); },
  };
}

void page_manager::tell(bool news) {
  if (news && batcher_)
    send(batcher_, page_news{});
}

void page_manager::watch_reads() {
  if (watching_ || !book_.reads())
    return;
  watching_ = true;
  delayed_send(this, read_tick, tick{});
}

/// What a restart finds again. What there is no time for was not used for the longest time.
void page_manager::save() {
  const auto end = clock_.now() + save_limit;
  int64_t pages = 0;
  book_.for_each_idle([&](const page_identity& identity, page_id page) {
    const bool in_time = tier_->save(identity, page, clock_.now(), end);
    pages += in_time ? 1 : 0;
    return in_time;
  });
  const auto left = std::chrono::duration_cast<milliseconds>(end - clock_.now());
  const bool all = tier_->flush(std::max(left, milliseconds(0)));
  log_event(log_level::info, "kv_pages_saved", {{"pages", pages}, {"in_time", all}});
}

void page_manager::on_exit() {
  batcher_ = nullptr;
  if (tier_ && tier_->closing())
    save();
}

} // namespace troupe
