#include "cli/bench/serve_report.hpp"

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

json to_json(const summary& value) {
  return {{"count", value.count}, {"mean", value.mean}, {"min", value.minimum}, {"p50", value.p50},
          {"p90", value.p90},     {"p99", value.p99},   {"max", value.maximum}};
}

void print_row(const char* name, const summary& value, std::ostream& out) {
  if (value.count > 0)
    out << fmt::format("{:<22} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n", name, value.p50, value.p90, value.p99,
                       value.maximum);
}

} // namespace

serve_report make_report(std::span<const request_record> records) {
  serve_report out;
  if (records.empty())
    return out;
  steady_time first = records.front().arrived, last = records.front().ended;
  std::vector<double> first_token, gaps, end_to_end;
  for (const request_record& record : records) {
    first = std::min(first, record.arrived);
    last = std::max(last, record.ended);
    if (!record.problem.empty()) {
      bool has_room = out.problems.size() < problems_max || out.problems.contains(record.problem);
      ++out.problems[has_room ? record.problem : "others"];
      continue;
    }
    ++out.completed;
    out.prompt_tokens += record.prompt_tokens;
    out.output_tokens += record.output_tokens;
    if (record.first_text)
      first_token.push_back(ms(record.arrived, *record.first_text));
    gaps.insert(gaps.end(), record.gaps_ms.begin(), record.gaps_ms.end());
    end_to_end.push_back(ms(record.arrived, record.ended));
  }
  out.seconds = std::max(ms(first, last) / 1000, 1e-9);
  out.requests_per_s = static_cast<double>(out.completed) / out.seconds;
  out.output_tokens_per_s = static_cast<double>(out.output_tokens) / out.seconds;
  out.first_token_ms = summarize(std::move(first_token));
  out.between_tokens_ms = summarize(std::move(gaps));
  out.end_to_end_ms = summarize(std::move(end_to_end));
  return out;
}

json to_json(const serve_report& report) {
  return {{"completed", report.completed},
          {"seconds", report.seconds},
          {"requests_per_s", report.requests_per_s},
          {"output_tokens_per_s", report.output_tokens_per_s},
          {"prompt_tokens", report.prompt_tokens},
          {"output_tokens", report.output_tokens},
          {"first_token_ms", to_json(report.first_token_ms)},
          {"between_tokens_ms", to_json(report.between_tokens_ms)},
          {"end_to_end_ms", to_json(report.end_to_end_ms)},
          {"errors", report.problems}};
}

void print(const serve_report& report, std::ostream& out) {
  out << fmt::format("{} completed in {:.2f} s: {:.2f} requests/s, {:.1f} output tokens/s\n",
                     report.completed, report.seconds, report.requests_per_s, report.output_tokens_per_s);
  if (report.completed > 0) {
    double each = static_cast<double>(report.completed);
    out << fmt::format("on average {:.1f} prompt and {:.1f} output tokens\n\n",
                       static_cast<double>(report.prompt_tokens) / each,
                       static_cast<double>(report.output_tokens) / each)
        << fmt::format("{:<22} {:>9} {:>9} {:>9} {:>9}\n", "milliseconds", "P50", "P90", "P99", "max");
  }
  print_row("time to first token", report.first_token_ms, out);
  print_row("time between tokens", report.between_tokens_ms, out);
  print_row("end to end", report.end_to_end_ms, out);
  for (const auto& [problem, count] : report.problems)
    out << fmt::format("errors: {} x {}\n", count, problem);
  out.flush();
}

} // namespace troupe
