#include "observe/process_metrics.hpp"

#include "observe/metrics_table.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <unistd.h>

namespace troupe {

namespace {

std::optional<double> resident_bytes() {
  std::ifstream in("/proc/self/statm");
  int64_t total_pages = 0, resident_pages = 0;
  if (!(in >> total_pages >> resident_pages))
    return std::nullopt;
  return static_cast<double>(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> open_descriptors() {
  std::error_code problem;
  std::filesystem::directory_iterator entries("/proc/self/fd", problem);
  if (problem)
    return std::nullopt;
  double count = 0;
  for (; entries != std::filesystem::directory_iterator() && !problem; entries.increment(problem))
    ++count;
  return count - 1; // the one that this listing holds open
}

struct process_times {
  double cpu_s = 0;
  double start_s = 0; // after boot
};

/// Fields 14, 15 and 22 of /proc/self/stat (proc(5)). The second is the program's name in parentheses, which
/// may hold anything, so counting starts behind the last parenthesis.
std::optional<process_times> times() {
  std::ifstream in("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  size_t close = text.rfind(')');
  if (close == std::string::npos)
    return std::nullopt;
  std::istringstream fields(text.substr(close + 1));
  std::string skipped;
  double user = 0, system = 0, start = 0;
  for (int field = 3; field <= 13; ++field)
    fields >> skipped;
  fields >> user >> system;
  for (int field = 16; field <= 21; ++field)
    fields >> skipped;
  if (!(fields >> start))
    return std::nullopt;
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return process_times{(user + system) / ticks, start / ticks};
}

std::optional<double> boot_time() {
  std::ifstream in("/proc/stat");
  std::string word;
  double seconds = 0;
  while (in >> word)
    if (word == "btime" && in >> seconds)
      return seconds;
  return std::nullopt;
}

} // namespace

std::vector<prometheus::MetricFamily> process_metrics() {
  std::vector<prometheus::MetricFamily> out;
  auto add = [&](std::string_view name, std::optional<double> value) {
    if (!value)
      return;
    const metric_row& row = metric_named(name);
    prometheus::ClientMetric sample;
    bool counts = row.type == metric_type::counter;
    (counts ? sample.counter.value : sample.gauge.value) = *value;
    out.push_back({std::string(row.name),
                   std::string(row.help),
                   counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
                   {sample}});
  };
  add("process_resident_memory_bytes", resident_bytes());
  add("process_open_fds", open_descriptors());
  if (auto now = times()) {
    add("process_cpu_seconds_total", now->cpu_s);
    if (auto boot = boot_time())
      add("process_start_time_seconds", *boot + now->start_s);
  }
  return out;
}

} // namespace troupe
