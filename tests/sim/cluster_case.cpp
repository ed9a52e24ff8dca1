#include "tests/sim/cluster_case.hpp"

#include "tests/sim/cluster_world.hpp"

#include <exception>
#include <fmt/format.h>

namespace troupe::sim {

cluster_counts& cluster_counts::operator+=(const cluster_counts& other) {
  for (auto each : {&cluster_counts::cases, &cluster_counts::happened, &cluster_counts::simulated_us,
                    &cluster_counts::accepted, &cluster_counts::rejected, &cluster_counts::completed,
                    &cluster_counts::failed, &cluster_counts::resumed, &cluster_counts::gaps,
                    &cluster_counts::downs, &cluster_counts::false_downs, &cluster_counts::moves,
                    &cluster_counts::faults, &cluster_counts::tokens})
    this->*each += other.*each;
  return *this;
}

namespace {

cluster_counts count(const std::vector<log_record>& log) {
  cluster_counts out{.cases = 1};
  std::map<std::string, bool> alive;
  for (const auto& record : log) {
    const auto event = static_cast<event_kind>(record.part);
    out.accepted += record.kind == log_kind::accepted;
    out.rejected += record.kind == log_kind::rejected;
    out.resumed += record.kind == log_kind::attach;
    out.gaps += record.kind == log_kind::gap;
    out.moves += record.kind == log_kind::own && record.number > 1;
    out.faults += record.kind == log_kind::trouble && record.text.starts_with("begin");
    out.tokens += record.kind == log_kind::work;
    if (record.kind == log_kind::event && is_terminal(event))
      ++(event == event_kind::failed ? out.failed : out.completed);
    if (record.kind == log_kind::born || record.kind == log_kind::dead)
      alive[record.who] = record.kind == log_kind::born;
    if (record.kind == log_kind::down && record.text != "left") {
      ++out.downs;
      out.false_downs += alive[record.id];
    }
  }
  return out;
}

} // namespace

cluster_case run_cluster_case(uint64_t seed) {
  cluster_case out;
  cluster_world world(draw_cluster(seed), seed);
  try {
    world.run();
  } catch (const std::exception& problem) {
    out.broken.push_back(fmt::format("it threw: {}", problem.what()));
  }
  out.log = world.log();
  log_checker checker;
  for (const auto& record : out.log)
    checker.read(record);
  for (auto& each : checker.finish())
    out.broken.push_back(std::move(each));
  out.counts = count(out.log);
  out.counts.happened = world.happened();
  out.counts.simulated_us = world.now_us();
  return out;
}

std::string trace_of(const cluster_case& ran) {
  std::string out;
  for (const auto& record : ran.log)
    out += to_line(record) + "\n";
  return out;
}

} // namespace troupe::sim
