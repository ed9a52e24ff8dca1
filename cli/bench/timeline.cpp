#include "cli/bench/timeline.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace troupe {

namespace {

constexpr double parts_max = 600;
constexpr size_t points_max = 2000;

double seconds(steady_time from, steady_time to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Calls with the time of each piece and the tokens that it stands for.
template <class Call>
void each_piece(const request_record& record, const Call& call) {
  if (!record.problem.empty() || !record.first_text)
    return;
  const double tokens = static_cast<double>(record.output_tokens) / static_cast<double>(record.pieces());
  double since_ms = 0;
  call(*record.first_text, tokens);
  for (const float gap : record.gaps_ms) {
    since_ms += static_cast<double>(gap);
    call(*record.first_text + microseconds(static_cast<int64_t>(since_ms * 1000)), tokens);
  }
}

/// One more in flight from the part in which it arrived to the one before its end.
void add_in_flight(const request_record& record, const load_result& load, load_timeline& out) {
  const auto part = [&](steady_time at) {
    const auto index = static_cast<int64_t>(seconds(load.begun, at) / out.part_s);
    return static_cast<size_t>(std::clamp<int64_t>(index, 0, static_cast<int64_t>(out.in_flight.size())));
  };
  for (size_t i = part(record.arrived); i < part(record.ended); ++i)
    ++out.in_flight[i];
}

} // namespace

double tokens_between(const load_result& load, steady_time from, steady_time to) {
  double sum = 0;
  for (const request_record& record : load.records)
    each_piece(record, [&](steady_time at, double tokens) { sum += at >= from && at <= to ? tokens : 0; });
  return sum;
}

load_timeline make_timeline(const load_result& load) {
  load_timeline out;
  out.measured_from_s = seconds(load.begun, load.measured_from);
  out.measured_to_s = seconds(load.begun, load.measured_to);
  double length_s = 0;
  for (const request_record& record : load.records)
    length_s = std::max(length_s, seconds(load.begun, record.ended));
  out.part_s = std::max(1.0, std::ceil(length_s / parts_max));
  const auto parts = static_cast<size_t>(length_s / out.part_s) + 1;
  out.output_tokens_per_s.resize(parts);
  out.in_flight.resize(parts);
  out.failed.resize(parts);
  const size_t stride = load.records.size() / points_max + 1;
  for (size_t i = 0; i < load.records.size(); ++i) {
    const request_record& record = load.records[i];
    const auto part = [&](steady_time at) {
      const auto index = static_cast<size_t>(std::max(0.0, seconds(load.begun, at) / out.part_s));
      return std::min(parts - 1, index);
    };
    each_piece(record, [&](steady_time at, double tokens) {
      out.output_tokens_per_s[part(at)] += tokens / out.part_s;
    });
    add_in_flight(record, load, out);
    if (!record.problem.empty())
      ++out.failed[part(record.ended)];
    else if (record.first_text && i % stride == 0)
      out.first_tokens.emplace_back(static_cast<float>(seconds(load.begun, *record.first_text)),
                                    static_cast<float>(1000 * seconds(record.arrived, *record.first_text)));
  }
  return out;
}

} // namespace troupe
