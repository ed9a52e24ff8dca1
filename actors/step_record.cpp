#include "actors/step_record.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace troupe {

step_record::step_record() : own_(std::make_unique<layout>()), at_(own_.get()) {}

/// Zeroed memory is an empty record.
step_record::step_record(shared_memory memory)
    : memory_(std::move(memory)), at_(reinterpret_cast<layout*>(memory_->bytes().data())) {}

std::optional<step_record> step_record::over(shared_memory memory) {
  if (memory.bytes().size() < bytes())
    return {};
  return step_record(std::move(memory));
}

size_t step_record::bytes() {
  return sizeof(layout);
}

void step_record::begin(const std::vector<sequence_id>& sequences, steady_time now) {
  TROUPE_CHECK(sequences.size() <= sequences_max, "a step holds at most engine.max_batch_size sequences");
  for (size_t i = 0; i < sequences.size(); ++i)
    at_->sequences[i].store(sequences[i], std::memory_order_relaxed);
  at_->began_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  at_->count.store(static_cast<uint32_t>(sequences.size()), std::memory_order_release);
}

void step_record::end() {
  at_->count.store(0, std::memory_order_release);
}

std::optional<steady_time> step_record::running_since() const {
  if (at_->count.load(std::memory_order_acquire) == 0)
    return {};
  return steady_time(steady_time::duration(at_->began_ns.load(std::memory_order_relaxed)));
}

std::vector<sequence_id> step_record::take() {
  const size_t count = at_->count.exchange(0, std::memory_order_acq_rel);
  std::vector<sequence_id> out(std::min(count, sequences_max)); // another process wrote it
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = at_->sequences[i].load(std::memory_order_relaxed);
  return out;
}

} // namespace troupe
