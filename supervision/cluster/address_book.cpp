#include "supervision/cluster/address_book.hpp"

#include "supervision/cluster/wire.hpp"

#include <algorithm>

namespace troupe {

address_book::address_book(std::string own, const std::vector<std::string>& configured,
                           address_book_options options)
    : own_(std::move(own)), options_(options) {
  for (const auto& address : configured)
    if (address != own_)
      places_[address].configured = true;
}

void address_book::learn(const std::string& address, steady_time now) {
  if (address == own_ || address.empty() || address.size() > node_address_bytes_max)
    return;
  if (places_.size() >= options_.addresses_max && !places_.contains(address))
    return;
  places_.try_emplace(address).first->second.last_met = now;
}

std::vector<std::string> address_book::due(steady_time now) {
  std::vector<std::string> out;
  for (auto at = places_.begin(); at != places_.end();) {
    auto& [address, known] = *at;
    if (!known.configured && !known.connected && now >= known.last_met + options_.forget_after) {
      at = places_.erase(at);
      continue;
    }
    if (!known.connected && now >= known.next_dial) {
      known.next_dial = now + options_.dial_max;
      out.push_back(address);
    }
    ++at;
  }
  return out;
}

void address_book::met(const std::string& address, steady_time now) {
  learn(address, now);
  if (auto found = places_.find(address); found != places_.end())
    found->second.connected = found->second.ever_met = true;
}

bool address_book::someone_unmet() const {
  return std::ranges::any_of(
      places_, [](const auto& each) { return each.second.configured && !each.second.ever_met; });
}

void address_book::lost(const std::string& address, steady_time now, bool at_once) {
  auto found = places_.find(address);
  if (found == places_.end())
    return;
  found->second.connected = false;
  found->second.next_dial = at_once ? now : now + options_.redial_after;
}

void address_book::forget(const std::string& address) {
  if (auto found = places_.find(address); found != places_.end())
    places_.erase(found);
}

} // namespace troupe
