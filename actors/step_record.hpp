#pragma once

#include "base/ids.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace troupe {

/// Which sequences the running step holds. Written by the executor, read by the engine's supervisor after a
/// crash: those sequences are the suspects. Outlives the engine's actors.
class step_record {
public:
  void begin(std::vector<sequence_id> sequences) {
    const std::scoped_lock lock(mutex_);
    sequences_ = std::move(sequences);
  }

  void end() { begin({}); }

  /// What the unfinished step held; empty if no step was running. Clears the record.
  std::vector<sequence_id> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(sequences_, {});
  }

private:
  std::mutex mutex_;
  std::vector<sequence_id> sequences_;
};

} // namespace troupe
