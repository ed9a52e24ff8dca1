#pragma once

#include "actors/interfaces.hpp"
#include "actors/step_record.hpp"
#include "observe/metrics.hpp"
#include "supervision/crash_chain.hpp"
#include "supervision/engine_process.hpp"
#include "supervision/engine_supervisor.hpp"
#include "supervision/engine_watch.hpp"
#include "supervision/supervision_table.hpp"

#include <caf/typed_response_promise.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::engine_event)

namespace troupe {

/// Starts a process; `life` counts them, from 1.
using start_engine_process =
    std::function<std::unique_ptr<engine_process>(uint64_t life, const engine_setup& setup)>;

struct engine_proxy_options {
  start_engine_process start;
  std::shared_ptr<step_record> record; // what the process's running step holds
  uint64_t numeric_class = 0;          // of the first life: a later one computes the same, or none does
  engine_watch_limits watch;
  restart_intensity intensity;
  std::shared_ptr<epoch_source> epochs;
  const time_source* clock = nullptr;
};

/// An engine's supervisor to all outside; events come from the process's thread. Credit: the engine's own,
/// two steps.
using engine_proxy_actor = engine_actor::extend<caf::reacts_to<engine_event>>;

/// Stands in the front for an engine in a process of its own: passes on what is meant for it and what it
/// says, watches it, and starts it anew when it has ended. What the ledger and the front see is what they see
/// of an engine_supervisor: engine_up after each restart, and a normal end when it gives up.
class engine_proxy final : public engine_proxy_actor::base {
public:
  /// metrics must outlive the actor.
  engine_proxy(caf::actor_config& config, engine_proxy_options options, report_actor reports,
               metrics& metrics);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void start();
  void stop();
  void watch();
  void commit(const inject_fault& fault);
  void on(const engine_event& event);
  void on_message(const engine_loading&) {}
  void on_message(const engine_loaded& loaded);
  void on_message(const engine_refused& refused);
  void on_message(const engine_up& up);
  void on_message(const step_result& result);
  void on_message(const health_report& report);
  void on_message(const engine_pong&) {}
  void on_message(const engine_counts& counts);
  void on_message(const engine_gave_up&) { gave_up_ = true; }
  void on_message(const process_end& end);
  void give_up(const char* reason);

  engine_proxy_options options_;
  report_actor reports_;
  metrics& metrics_;
  supervision_table table_;
  crash_chain crashes_;
  engine_watch watch_;
  std::unique_ptr<engine_process> process_; // null: none runs
  uint64_t lives_ = 0;
  uint64_t ticks_ = 0;
  epoch_number epoch_ = 0; // of the engine that takes sequences; 0: none does
  bool gave_up_ = false;
  std::optional<steady_time> told_to_stop_;
  int64_t memory_kills_ = 0;            // out_of_memory_kills() at the process's start
  std::vector<sequence_id> fatal_step_; // what it held, from the crash to engine_up
  std::vector<double> counts_;          // of this process, in metrics_ already
  std::vector<inject_fault> poisons_;   // for tests; they outlive the process
  std::vector<caf::typed_response_promise<health_report>> probes_;
};

} // namespace troupe
