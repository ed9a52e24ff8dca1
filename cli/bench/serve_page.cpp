#include "cli/bench/serve_page.hpp"

#include "cli/bench/svg_plot.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* style = R"(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #16191d; --soft: #667080; --line: #e3e6eb;
  --c1: #2668c9; --c2: #d9622b; --c3: #14866a; --bad: #c22f3d; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --ink: #e8eaee; --soft: #98a2b1;
  --line: #31373f; --c1: #6fa5f2; --c2: #f0946a; --c3: #4fc3a3; --bad: #f2707c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1200px; padding: 32px 24px 48px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 24px; font-weight: 650; margin: 0; } h2 { font-size: 15px; font-weight: 600; margin: 0 0 2px; }
p { margin: 0; } .sub { color: var(--soft); font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin: 22px 0 12px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 12px; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.tile b { display: block; white-space: nowrap; font-size: 24px; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile small { font-size: 13px; font-weight: 400; color: var(--soft); } .tile span { color: var(--soft); font-size: 13px; }
.tile.bad b { color: var(--bad); }
svg { display: block; width: 100%; height: auto; margin-top: 8px; }
svg text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); } .axis, .tick { stroke: var(--soft); stroke-opacity: .6; } .shade { fill: var(--ink); opacity: .045; }
.s1 { --c: var(--c1); } .s2 { --c: var(--c2); } .s3 { --c: var(--c3); }
.curve { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--c); opacity: .14; } .dot { fill: var(--c); opacity: .45; }
.note { fill: var(--c); stroke: var(--card); stroke-width: 1.5; }
.legend { display: flex; gap: 18px; font-size: 13px; color: var(--soft); padding-left: 9%; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; background: var(--c); margin-right: 6px; vertical-align: middle; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 8px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 0 5px 14px; border-top: 1px solid var(--line); font-weight: 400; }
th { color: var(--soft); font-size: 13px; border-top: 0; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
.wide { grid-column: 1 / -1; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 10px 24px; margin: 8px 0 0; }
.facts dt { color: var(--soft); font-size: 13px; } .facts dd { margin: 0; overflow-wrap: anywhere; }
)";

/// Three digits that count.
std::string short_number(double value) {
  if (value >= 100)
    return fmt::format("{:.0f}", value);
  return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string tile(const std::string& value, const char* unit, const std::string& what, bool bad = false) {
  return fmt::format("<div class=\"tile{}\"><b>{} <small>{}</small></b><span>{}</span></div>\n",
                     bad ? " bad" : "", value, unit, what);
}

std::string card(const char* title, const char* sentence, const std::string& content) {
  return fmt::format("<div class=\"card\"><h2>{}</h2><p class=\"sub\">{}</p>{}</div>\n", title, sentence,
                     content);
}

plot_series share_curve(const char* name, const latencies& value) {
  plot_series out{.name = name, .mark = plot_mark::line, .points = {}, .notes = {}};
  for (size_t percent = 0; percent < value.curve.size(); ++percent)
    out.points.emplace_back(value.curve[percent], static_cast<double>(percent));
  if (value.numbers.count > 0)
    for (const auto& [percent, ms] :
         {std::pair(50, value.numbers.p50), {90, value.numbers.p90}, {99, value.numbers.p99}})
      out.notes.push_back(
          {ms, static_cast<double>(percent), fmt::format("{}: P{} {} ms", name, percent, short_number(ms))});
  return out;
}

std::string distribution(std::vector<plot_series> series) {
  return svg_of({.x = {.unit = "milliseconds", .logarithmic = true},
                 .y = {.unit = {}, .minimum = 0, .maximum = 100},
                 .series = std::move(series),
                 .shaded = {}});
}

std::string along(const load_timeline& timeline, const std::vector<const std::vector<double>*>& values,
                  const std::vector<const char*>& names) {
  plot what{.x = {.unit = "seconds"}, .y = {}, .series = {}, .shaded = {}};
  for (size_t i = 0; i < values.size(); ++i) {
    plot_series series{
        .name = names[i], .mark = i == 0 ? plot_mark::area : plot_mark::line, .points = {}, .notes = {}};
    for (size_t part = 0; part < values[i]->size(); ++part)
      series.points.emplace_back((static_cast<double>(part) + 0.5) * timeline.part_s, (*values[i])[part]);
    what.series.push_back(std::move(series));
  }
  if (timeline.measured_from_s > 0)
    what.shaded.emplace_back(0, timeline.measured_from_s);
  return svg_of(what);
}

std::string first_tokens(const load_timeline& timeline) {
  plot_series dots{.name = {}, .mark = plot_mark::dots, .points = {}, .notes = {}};
  for (const auto& [at_s, ms] : timeline.first_tokens)
    dots.points.emplace_back(at_s, ms);
  plot what{.x = {.unit = "seconds"},
            .y = {.unit = {}, .logarithmic = true},
            .series = {std::move(dots)},
            .shaded = {}};
  if (timeline.measured_from_s > 0)
    what.shaded.emplace_back(0, timeline.measured_from_s);
  return svg_of(what);
}

std::string latency_table(const serve_report& report) {
  std::string rows =
      "<table><tr><th>milliseconds</th><th>P50</th><th>P90</th><th>P99</th><th>mean</th><th>most</th>"
      "<th>of</th></tr>";
  const auto row = [&](const char* name, const latencies& value) {
    const summary& n = value.numbers;
    rows += fmt::format(
        "<tr><td>{}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td>"
        "<td>{}</td></tr>",
        name, n.p50, n.p90, n.p99, n.mean, n.maximum, n.count);
  };
  row("time to first token", report.first_token_ms);
  row("between tokens, each pause", report.between_tokens_ms);
  row("between tokens, mean of a request", report.per_token_ms);
  row("end to end", report.end_to_end_ms);
  return rows + "</table>";
}

void add_rows(const json& from, const std::string& before, std::string& rows) {
  for (const auto& [key, value] : from.items()) {
    const auto name = before.empty() ? key : before + " " + key;
    if (value.is_object())
      add_rows(value, name, rows);
    else if (value != json(""))
      rows += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", html_text(name),
                          html_text(value.is_string()
                                        ? value.get<std::string>()
                                        : value.dump(-1, ' ', false, json::error_handler_t::replace)));
  }
}

std::string error_table(const serve_report& report) {
  std::string rows = "<table><tr><th>what</th><th>requests</th></tr>";
  for (const auto& [problem, count] : report.problems)
    rows += fmt::format("<tr><td>{}</td><td>{}</td></tr>", html_text(problem), count);
  return rows + "</table>";
}

std::string tiles(const serve_report& report) {
  std::string out = "<div class=\"tiles\">";
  out += tile(short_number(report.output_tokens_per_s), "tokens/s", "output");
  out += tile(short_number(report.requests_per_s), "requests/s",
              fmt::format("{} in {:.0f} s", report.completed, report.seconds));
  out += tile(short_number(report.first_token_ms.numbers.p50), "ms",
              fmt::format("to the first token, P99 {}", short_number(report.first_token_ms.numbers.p99)));
  out += tile(short_number(report.between_tokens_ms.numbers.p50), "ms",
              fmt::format("between tokens, P99 {}", short_number(report.between_tokens_ms.numbers.p99)));
  if (report.bounds.any())
    out += tile(fmt::format("{:.1f}", 100 * report.good_share), "%",
                fmt::format("good: {} requests/s", short_number(report.good_per_s)));
  out += tile(std::to_string(report.failed), "", report.failed == 1 ? "request failed" : "requests failed",
              report.failed > 0);
  return out + "</div>\n";
}

} // namespace

std::string serve_page(const serve_report& report, const json& setup) {
  const load_timeline& timeline = report.timeline;
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>troupe bench serve</title>"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>";
  out += style;
  out += "</style></head>\n<body><h1>troupe bench serve</h1><p class=\"sub\">";
  out += html_text(fmt::format("{} · {} requests, at most {} in flight", setup.value("url", ""),
                               report.requests, report.in_flight_max));
  out += "</p>\n" + tiles(report) + "<div class=\"cards\">\n";
  out += card("To the first token, and to the last",
              "Percent of requests that took no longer. The dots: P50, P90, P99.",
              distribution({share_curve("first token", report.first_token_ms),
                            share_curve("end to end", report.end_to_end_ms)}));
  out += card("Between tokens", "Percent that took no longer.",
              distribution({share_curve("each pause", report.between_tokens_ms),
                            share_curve("mean of a request", report.per_token_ms)}));
  out += card("Output tokens per second", "As they came. Grey: warm-up.",
              along(timeline, {&timeline.output_tokens_per_s}, {""}));
  out += card("Requests in flight, and failed", "Those that wait for a place included.",
              along(timeline, {&timeline.in_flight, &timeline.failed}, {"in flight", "failed"}));
  out += card("Time to first token along the run", "Milliseconds, one dot a request (at most 2,000).",
              first_tokens(timeline));
  out += card("Latencies", "Of requests that worked, after the warm-up.", latency_table(report));
  if (!report.problems.empty())
    out += card("What failed", "", error_table(report));
  std::string rows;
  add_rows(setup, "", rows);
  out += "<div class=\"card wide\"><h2>What was measured</h2><dl class=\"facts\">" + rows + "</dl></div>\n";
  return out + "</div></body></html>\n";
}

} // namespace troupe
