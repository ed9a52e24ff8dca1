#pragma once

#include "actors/directory_tier.hpp"
#include "actors/interfaces.hpp"
#include "actors/page_book.hpp"
#include "observe/metrics.hpp"

namespace troupe {

/// Owns the KV pages of an engine and answers the batcher's page requests: a shell over page_book.
class page_manager final : public page_manager_actor::base {
public:
  /// tier: where evicted pages go; null: nowhere. clock and metrics must outlive the actor.
  page_manager(caf::actor_config& config, int32_t page_count, attention_window window,
               std::shared_ptr<directory_tier> tier, const time_source& clock, metrics& metrics);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  page_grants answer(const page_request& request);
  page_tier functions_of_tier();
  void tell(bool news);
  void watch_reads();
  void save();

  page_book book_;
  std::shared_ptr<directory_tier> tier_;
  const time_source& clock_;
  page_counts counted_; // into metrics
  metrics& metrics_;
  batcher_actor batcher_; // who asked last
  bool watching_ = false; // a tick is on its way
};

} // namespace troupe
