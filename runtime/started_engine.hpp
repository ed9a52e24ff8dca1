#pragma once

#include "actors/step_record.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "model/language_model.hpp"
#include "supervision/engine_process.hpp"

#include <memory>
#include <mutex>

namespace troupe {

/// An engine in a process of its own, from the front's side: its first process with a loaded model, and how
/// to start others of the same settings.
class started_engine {
public:
  /// Starts the first one and waits for its model. Errors: engine_failed, with the engine's own sentence
  /// where it has one.
  static result<std::shared_ptr<started_engine>> start(const settings& configuration,
                                                       const load_progress& progress);

  const engine_loaded& facts() const { return facts_; }

  /// What the running step of the latest process holds.
  std::shared_ptr<step_record> record() const { return record_; }

  /// The first process, once; from then on a new one.
  std::unique_ptr<engine_process> next(uint64_t life, const engine_setup& setup);

private:
  started_engine() = default;
  status wait_for_model(const load_progress& progress);

  engine_program program_;
  std::shared_ptr<step_record> record_;
  engine_loaded facts_;
  std::mutex mutex_;
  std::unique_ptr<engine_process> first_; // until somebody took it
};

} // namespace troupe
