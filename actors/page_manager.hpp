#pragma once

#include "actors/interfaces.hpp"
#include "actors/page_book.hpp"
#include "observe/metrics.hpp"

namespace troupe {

/// Owns the KV pages of an engine and answers the batcher's page requests: a shell over page_book.
class page_manager final : public page_manager_actor::base {
public:
  /// metrics must outlive the actor.
  page_manager(caf::actor_config& config, int32_t page_count, attention_window window, metrics& metrics);

  behavior_type make_behavior() override;

private:
  page_grants answer(const page_request& request);

  page_book book_;
  page_counts counted_; // into metrics
  metrics& metrics_;
};

} // namespace troupe
