#pragma once

#include "actors/batcher.hpp"
#include "actors/step_runner.hpp"
#include "supervision/child_table.hpp"
#include "supervision/crash_chain.hpp"

#include <atomic>
#include <memory>
#include <optional>

namespace troupe {

/// Hands out epochs; one for each numeric class of a node, shared by all lives of its engine.
using epoch_source = std::atomic<epoch_number>;

struct engine_options {
  engine_resources resources; // kept across restarts
  int32_t page_count = 0;     // pages that the page manager hands out; resources.pages has one more
  batcher_options batching;
  restart_intensity intensity;
  std::shared_ptr<epoch_source> epochs;
  std::shared_ptr<actor_census> census; // counts the engine's actors; may be null
};

/// Supervises one engine: page manager, executor and batcher, one for all. Its handle outlives their
/// restarts. It stamps each life with an epoch and passes on what is meant for the current one.
class engine_supervisor final : public engine_actor::base {
public:
  /// metrics must outlive the actor.
  engine_supervisor(caf::actor_config& config, engine_options options, report_actor reports,
                    metrics& metrics);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  enum child : size_t { page_manager_child, executor_child, batcher_child };

  std::vector<supervised_child> children();
  caf::actor start_page_manager();
  caf::actor start_executor();
  caf::actor start_batcher();
  void handle(const child_table::outcome& outcome, const caf::error& reason);
  bool counts(size_t ended, const caf::error& reason);
  void commit(const inject_fault& fault);

  engine_options options_;
  report_actor reports_;
  metrics& metrics_;
  child_table children_;
  page_manager_actor pages_;
  executor_actor executor_;
  batcher_actor batcher_;
  epoch_number epoch_ = 0;
  crash_chain crashes_;
  std::vector<sequence_id> fatal_step_; // what it held, from the crash to the restart
};

} // namespace troupe
