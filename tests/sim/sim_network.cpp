#include "tests/sim/sim_network.hpp"

namespace troupe::sim {

namespace {

constexpr size_t recent_max = 4;
constexpr int64_t refusal_us = 300;
constexpr int64_t dial_timeout_us = 2'000'000;

} // namespace

sim_network::sim_network(virtual_time& time, network_terms terms, listener told)
    : time_(time), terms_(terms), told_(std::move(told)) {}

void sim_network::dial(const std::string& from, const std::string& to) {
  const auto process = told_.process(from);
  const auto failed = [=, this](int64_t delay_us, bool refused) {
    time_.after(delay_us, [=, this] { told_.failed(from, process, to, refused); });
  };
  if (!reaches(from, to) || !reaches(to, from))
    return failed(dial_timeout_us, false);
  if (told_.state(to) == host_state::dead)
    return failed(refusal_us, true);
  const auto delay_us = time_.between(terms_.delay_us_min, terms_.delay_us_max);
  time_.after(2 * delay_us, [=, this] {
    if (told_.process(from) != process)
      return;
    if (told_.state(to) == host_state::dead)
      return told_.failed(from, process, to, true);
    const auto link = next_++;
    auto& fresh = links_[link];
    fresh.ends[0].host = from;
    fresh.ends[0].process = process;
    fresh.ends[1].host = to;
    fresh.ends[1].process = told_.process(to);
    fresh.delay_us = delay_us;
    told_.up(to, fresh.ends[1].process, link, "");
    told_.up(from, process, link, to);
    if (const auto found = links_.find(link); found != links_.end())
      repeat_on(found->second, link);
  });
}

/// Messages of the connection before, which their sender did not know to have arrived.
void sim_network::repeat_on(connection& fresh, link_id link) {
  for (int side = 0; side < 2; ++side) {
    const auto& from = fresh.ends[1 - side].host;
    auto& recent = lost_[{from, fresh.ends[side].host}];
    if (!time_.chance(terms_.repeat))
      continue;
    for (auto& message : std::exchange(recent, {})) {
      const auto host = fresh.ends[side].host;
      const auto process = fresh.ends[side].process;
      time_.after(time_.between(0, 500'000), [=, this] {
        if (links_.contains(link))
          told_.message(host, process, link, message);
      });
    }
  }
}

void sim_network::send(const std::string& from, link_id link, wire_message message) {
  const auto found = links_.find(link);
  if (found == links_.end())
    return;
  auto& used = found->second;
  auto& to = used.ends[used.ends[0].host == from ? 1 : 0];
  if (!reaches(from, to.host))
    return;
  to.recent.push_back(message);
  if (to.recent.size() > recent_max)
    to.recent.pop_front();
  const auto at_us = std::max(to.last_us, time_.now_us() + used.delay_us + time_.between(0, used.delay_us));
  to.last_us = at_us;
  const auto host = to.host;
  const auto process = to.process;
  time_.after(at_us - time_.now_us(), [this, link, from, host, process, sent = std::move(message)]() mutable {
    if (links_.contains(link) && reaches(from, host))
      told_.message(host, process, link, std::move(sent));
  });
}

void sim_network::cut(link_id link, bool tell_dead) {
  const auto found = links_.find(link);
  if (found == links_.end())
    return;
  auto gone = std::move(found->second);
  links_.erase(found);
  for (int side = 0; side < 2; ++side) {
    const auto& here = gone.ends[side];
    const auto& there = gone.ends[1 - side];
    lost_[{there.host, here.host}] = here.recent;
    if (told_.process(here.host) != here.process)
      continue;
    if (tell_dead && !reaches(there.host, here.host))
      continue; // it does not hear of the end either
    time_.after(time_.between(50, 1000), [=, this] { told_.down(here.host, here.process, link); });
  }
}

void sim_network::close(const std::string& from, link_id link) {
  const auto found = links_.find(link);
  if (found == links_.end())
    return;
  auto gone = std::move(found->second);
  links_.erase(found);
  const auto& other = gone.ends[gone.ends[0].host == from ? 1 : 0];
  if (reaches(from, other.host))
    time_.after(gone.delay_us, [=, this] { told_.down(other.host, other.process, link); });
}

void sim_network::lose(const std::string& host) {
  std::vector<link_id> gone;
  for (const auto& [link, each] : links_)
    if (each.ends[0].host == host || each.ends[1].host == host)
      gone.push_back(link);
  for (auto link : gone)
    cut(link, true);
}

void sim_network::break_some(double share) {
  std::vector<link_id> gone;
  for (const auto& [link, each] : links_)
    if (time_.chance(share))
      gone.push_back(link);
  for (auto link : gone)
    cut(link, false);
}

} // namespace troupe::sim
