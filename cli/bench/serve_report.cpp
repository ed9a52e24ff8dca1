#include "cli/bench/serve_report.hpp"

#include "cli/bench/timeline.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

constexpr size_t problems_max = 20;

using json = nlohmann::ordered_json;

double ms(steady_time from, steady_time to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

latencies measure(std::vector<double> values) {
  latencies out;
  std::ranges::sort(values);
  if (!values.empty()) {
    out.curve.push_back(values.front());
    for (int percent = 1; percent <= 100; ++percent)
      out.curve.push_back(percentile(values, percent));
  }
  out.numbers = summarize(std::move(values));
  return out;
}

void count_problem(const request_record& record, serve_report& out) {
  ++out.failed;
  ++out.kinds[record.kind];
  const bool has_room = out.problems.size() < problems_max || out.problems.contains(record.problem);
  ++out.problems[has_room ? record.problem : "others"];
}

/// The mean pause between a request's tokens; 0 where it has but one.
double per_token_ms(const request_record& record) {
  if (!record.first_text || record.output_tokens < 2)
    return 0;
  return ms(*record.first_text, record.last_text) / static_cast<double>(record.output_tokens - 1);
}

bool is_good(const request_record& record, const goodput_bounds& bounds) {
  const auto within = [](double value, double bound) { return bound == 0 || value <= bound; };
  return record.problem.empty() && record.first_text &&
         within(ms(record.arrived, *record.first_text), bounds.first_token_ms) &&
         within(per_token_ms(record), bounds.per_token_ms) &&
         within(ms(record.arrived, record.ended), bounds.end_to_end_ms);
}

json to_json(const latencies& value) {
  const summary& n = value.numbers;
  return {{"count", n.count}, {"mean", n.mean}, {"min", n.minimum}, {"p50", n.p50},
          {"p90", n.p90},     {"p99", n.p99},   {"max", n.maximum}, {"percentiles_0_to_100", value.curve}};
}

void print_row(const char* name, const latencies& value, std::ostream& out) {
  const summary& n = value.numbers;
  if (n.count > 0)
    out << fmt::format("{:<26} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n", name, n.p50, n.p90, n.p99, n.maximum);
}

} // namespace

serve_report make_report(const load_result& load, const goodput_bounds& bounds) {
  serve_report out;
  out.requests = load.records.size();
  out.not_sent = load.not_sent;
  out.in_flight_max = load.in_flight_max;
  out.bounds = bounds;
  std::vector<double> first_token, gaps, per_token, end_to_end;
  size_t measured = 0, good = 0, ended_within = 0;
  for (const request_record& record : load.records) {
    const bool worked = record.problem.empty();
    if (!worked)
      count_problem(record, out);
    else if (record.ended >= load.measured_from && record.ended <= load.measured_to)
      ++ended_within;
    if (record.arrived < load.measured_from)
      continue;
    ++measured;
    good += bounds.any() && is_good(record, bounds);
    if (!worked)
      continue;
    ++out.completed;
    out.prompt_tokens += record.prompt_tokens;
    out.output_tokens += record.output_tokens;
    if (record.first_text)
      first_token.push_back(ms(record.arrived, *record.first_text));
    gaps.insert(gaps.end(), record.gaps_ms.begin(), record.gaps_ms.end());
    if (record.first_text && record.output_tokens >= 2)
      per_token.push_back(per_token_ms(record));
    end_to_end.push_back(ms(record.arrived, record.ended));
  }
  out.seconds = std::max(ms(load.measured_from, load.measured_to) / 1000, 1e-9);
  out.requests_per_s = static_cast<double>(ended_within) / out.seconds;
  out.output_tokens_per_s = tokens_between(load, load.measured_from, load.measured_to) / out.seconds;
  out.good_share = measured > 0 ? static_cast<double>(good) / static_cast<double>(measured) : 0;
  out.good_per_s = static_cast<double>(good) / out.seconds;
  out.first_token_ms = measure(std::move(first_token));
  out.between_tokens_ms = measure(std::move(gaps));
  out.per_token_ms = measure(std::move(per_token));
  out.end_to_end_ms = measure(std::move(end_to_end));
  out.timeline = make_timeline(load);
  return out;
}

json to_json(const serve_report& report) {
  const load_timeline& timeline = report.timeline;
  json out{{"requests", report.requests},
           {"completed", report.completed},
           {"failed", report.failed},
           {"not_sent", report.not_sent},
           {"in_flight_max", report.in_flight_max},
           {"seconds", report.seconds},
           {"requests_per_s", report.requests_per_s},
           {"output_tokens_per_s", report.output_tokens_per_s},
           {"prompt_tokens", report.prompt_tokens},
           {"output_tokens", report.output_tokens},
           {"first_token_ms", to_json(report.first_token_ms)},
           {"between_tokens_ms", to_json(report.between_tokens_ms)},
           {"per_token_ms", to_json(report.per_token_ms)},
           {"end_to_end_ms", to_json(report.end_to_end_ms)}};
  if (report.bounds.any())
    out["goodput"] = {{"first_token_ms_max", report.bounds.first_token_ms},
                      {"per_token_ms_max", report.bounds.per_token_ms},
                      {"end_to_end_ms_max", report.bounds.end_to_end_ms},
                      {"share", report.good_share},
                      {"requests_per_s", report.good_per_s}};
  out["error_kinds"] = report.kinds;
  out["errors"] = report.problems;
  out["timeline"] = {{"part_s", timeline.part_s},
                     {"measured_from_s", timeline.measured_from_s},
                     {"measured_to_s", timeline.measured_to_s},
                     {"output_tokens_per_s", timeline.output_tokens_per_s},
                     {"in_flight", timeline.in_flight},
                     {"failed", timeline.failed}};
  return out;
}

void print(const serve_report& report, std::ostream& out) {
  out << fmt::format("{} completed in {:.2f} s: {:.2f} requests/s, {:.1f} output tokens/s\n",
                     report.completed, report.seconds, report.requests_per_s, report.output_tokens_per_s);
  if (report.completed > 0) {
    const double each = static_cast<double>(report.completed);
    out << fmt::format("on average {:.1f} prompt and {:.1f} output tokens; at most {} in flight\n",
                       static_cast<double>(report.prompt_tokens) / each,
                       static_cast<double>(report.output_tokens) / each, report.in_flight_max);
  }
  if (report.bounds.any())
    out << fmt::format("goodput: {:.1f}% within the bounds, {:.2f} requests/s\n", 100 * report.good_share,
                       report.good_per_s);
  if (report.not_sent > 0)
    out << fmt::format("{} arrived and found no place: more --concurrency would send them\n",
                       report.not_sent);
  if (report.completed > 0)
    out << fmt::format("\n{:<26} {:>9} {:>9} {:>9} {:>9}\n", "milliseconds", "P50", "P90", "P99", "max");
  print_row("time to first token", report.first_token_ms, out);
  print_row("time between tokens", report.between_tokens_ms, out);
  print_row("mean of each request", report.per_token_ms, out);
  print_row("end to end", report.end_to_end_ms, out);
  for (const auto& [problem, count] : report.problems)
    out << fmt::format("errors: {} x {}\n", count, problem);
  out.flush();
}

} // namespace troupe
