// metrics::engine_counts() and add_engine_counts(): one list of numbers for all that an engine counts.
#include "observe/metrics.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// Writes every value.
class count_writer {
public:
  void visit(prometheus::Counter& counter) { values.push_back(counter.Value()); }
  void visit(prometheus::Gauge& gauge) { values.push_back(gauge.Value()); }
  void visit(prometheus::Histogram& histogram) {
    const auto now = histogram.Collect().histogram;
    uint64_t below = 0;
    for (const auto& bucket : now.bucket)
      values.push_back(
          static_cast<double>(bucket.cumulative_count - std::exchange(below, bucket.cumulative_count)));
    values.push_back(now.sample_sum);
  }

  std::vector<double> values;
};

/// Adds the differences.
class count_adder {
public:
  count_adder(std::span<const double> before, std::span<const double> now) : before_(before), now_(now) {}

  void visit(prometheus::Counter& counter) { counter.Increment(next_rise()); }

  void visit(prometheus::Gauge& gauge) {
    gauge.Set(now_[at_]);
    ++at_;
  }

  void visit(prometheus::Histogram& histogram) {
    std::vector<double> rises(histogram.Collect().histogram.bucket.size());
    std::ranges::generate(rises, [this] { return next_rise(); });
    histogram.ObserveMultiple(rises, next_rise());
  }

private:
  double next_rise() {
    const auto rise = now_[at_] - (before_.empty() ? 0.0 : before_[at_]);
    ++at_;
    return std::max(rise, 0.0);
  }

  std::span<const double> before_, now_;
  size_t at_ = 0;
};

} // namespace

template <class Visitor>
void metrics::visit_engine(Visitor& visitor) {
  for (auto* gauge : {&num_requests_running, &num_requests_waiting, &kv_directory_bytes, &kv_directory_up,
                      &kv_cache_usage_perc_})
    visitor.visit(*gauge);
  for (auto* counter : {&num_preemptions_total, &prefix_cache_queries_total, &prefix_cache_hits_total,
                        &prefix_cache_waits_total, &prefix_cache_evictions_total})
    visitor.visit(*counter);
  for (auto* histogram : {&request_queue_time_seconds, &request_prefill_time_seconds, &iteration_tokens_total,
                          &step_seconds, &step_overhead_seconds, &batch_size, &batch_window_wait_seconds})
    visitor.visit(*histogram);
  kv_pages_.for_each([&](prometheus::Gauge& gauge) { visitor.visit(gauge); });
  kv_directory_pages_total.for_each([&](prometheus::Counter& counter) { visitor.visit(counter); });
  actor_restarts_total.for_each([&](prometheus::Counter& counter) { visitor.visit(counter); });
}

std::vector<double> metrics::engine_counts() {
  count_writer writer;
  visit_engine(writer);
  return std::move(writer.values);
}

void metrics::add_engine_counts(std::span<const double> before, std::span<const double> now) {
  const auto wanted = engine_counts().size();
  if (now.size() != wanted || (!before.empty() && before.size() != wanted))
    return;
  count_adder adder(before, now);
  visit_engine(adder);
}

} // namespace troupe
