#include "supervision/cluster/pending_drops.hpp"

namespace troupe {

namespace {

constexpr size_t drops_max = 4096;
constexpr int tries_max = 16;
constexpr milliseconds retry_after{300};

} // namespace

void pending_drops::add(const std::string& node, entry_drop drop, steady_time now, cluster_effects& out) {
  out.sends.push_back({node, drop});
  if (drops_.size() >= drops_max)
    drops_.pop_front();
  drops_.push_back({.node = node, .drop = std::move(drop), .next = now + retry_after});
}

void pending_drops::take(const std::string& from, const entry_drop_ack& ack) {
  std::erase_if(drops_, [&](const pending& each) {
    return each.node == from && each.drop.id == ack.id && each.drop.purpose == ack.purpose &&
           each.drop.epoch == ack.epoch;
  });
}

void pending_drops::lose(const std::string& node) {
  std::erase_if(drops_, [&](const pending& each) { return each.node == node; });
}

void pending_drops::tick(steady_time now, cluster_effects& out) {
  for (auto& each : drops_)
    if (now >= each.next) {
      each.next = now + retry_after;
      ++each.tries;
      out.sends.push_back({each.node, each.drop});
    }
  std::erase_if(drops_, [](const pending& each) { return each.tries >= tries_max; });
}

} // namespace troupe
