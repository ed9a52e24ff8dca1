#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/shared_memory.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace troupe {

/// Which sequences the running step holds. Written by the executor, read by whoever has to know after a
/// crash: those sequences are the suspects. Outlives the engine's actors, and over shared memory its process.
class step_record {
public:
  static constexpr size_t sequences_max = 1024; // of one step: the bound of engine.max_batch_size

  /// Within this process.
  step_record();

  /// Over memory that may have another process on its other side. Absent: it is too small.
  static std::optional<step_record> over(shared_memory memory);

  /// What over() needs.
  static size_t bytes();

  void begin(const std::vector<sequence_id>& sequences, steady_time now);
  void end();

  /// When the running step began; absent: none runs.
  std::optional<steady_time> running_since() const;

  /// What the unfinished step held; empty if no step was running. Clears the record.
  std::vector<sequence_id> take();

private:
  /// Lock-free atomics work between processes. `count` is written last and cleared first, so a process that
  /// is killed while it writes has left either a whole step or none.
  struct layout {
    std::atomic<uint32_t> count;
    std::atomic<int64_t> began_ns; // steady clock, which all processes of a machine share
    std::atomic<sequence_id> sequences[sequences_max];
  };
  static_assert(std::atomic<uint32_t>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free &&
                std::atomic<sequence_id>::is_always_lock_free);

  explicit step_record(shared_memory memory);

  std::optional<shared_memory> memory_; // absent: own_ is used
  std::unique_ptr<layout> own_;
  layout* at_;
};

} // namespace troupe
