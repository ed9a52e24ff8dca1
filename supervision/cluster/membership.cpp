#include "supervision/cluster/membership.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr size_t links_per_peer_max = 4; // both may dial at once, and again before the first has ended
constexpr size_t dead_max = 256;
constexpr size_t unanswered_max = 16;

bool well_formed(const node_card& card) {
  return !card.name.empty() && card.name.size() <= node_name_bytes_max &&
         card.address.size() <= node_address_bytes_max;
}

bool understand(const node_card& a, const node_card& b) {
  return a.version >= b.version_min && b.version >= a.version_min;
}

} // namespace

membership::membership(membership_options options)
    : options_(std::move(options)), book_(options_.self.address, options_.peers, options_.addresses) {
  TROUPE_CHECK(well_formed(options_.self), "a node needs a name of 1 to 64 bytes");
}

std::vector<std::string> membership::addresses() const {
  std::vector<std::string> out;
  for (const auto& [name, known] : view_)
    if (out.size() < wire_addresses_max && !known.leaving)
      out.push_back(known.card.address);
  return out;
}

void membership::send(link_id link, wire_body body, cluster_effects& out) const {
  const auto& state = links_.at(link);
  wire_header header{.version = options_.self.version, .from = options_.self.life, .to = {}};
  if (state.card) {
    header.version = std::min(header.version, state.card->version);
    header.to = state.card->life;
  }
  out.messages.push_back({link, {header, std::move(body)}});
}

void membership::address(const outgoing& sent, cluster_effects& out) const {
  if (auto found = peers_.find(sent.node); found != peers_.end() && !found->second.broken)
    send(found->second.heard_on, sent.body, out);
}

void membership::say_hello(link_id id, cluster_effects& out) {
  auto& state = links_.at(id);
  hello said{.card = options_.self, .echo = {}, .addresses = addresses()};
  if (state.card) {
    said.echo = state.card->life;
    state.echoed = true;
  }
  send(id, std::move(said), out);
}

void membership::link_up(link_id link, const std::string& dialed, steady_time now, cluster_effects& out) {
  TROUPE_CHECK(!links_.contains(link), "a connection's number came twice");
  if (links_.size() >= options_.links_max) {
    out.closes.push_back(link);
    return book_.lost(dialed, now, false);
  }
  links_[link] = {.dialed = dialed, .card = {}, .since = now, .last_obituary = {}};
  if (!dialed.empty())
    book_.met(dialed, now);
  say_hello(link, out);
}

/// The connection is gone from all that is known.
void membership::unlink(link_id id, steady_time now, bool redial_at_once) {
  const auto found = links_.find(id);
  if (found == links_.end())
    return;
  const auto state = found->second;
  links_.erase(found);
  book_.lost(state.dialed, now, redial_at_once);
  if (!state.card)
    return;
  auto known = peers_.find(state.card->name);
  if (known == peers_.end() || std::erase(known->second.links, id) == 0)
    return;
  auto& links = known->second.links;
  if (links.empty()) {
    known->second.broken = true;
    book_.lost(view_.at(known->first).card.address, now, redial_at_once);
  } else if (known->second.heard_on == id) {
    known->second.heard_on = links.back();
  }
}

void membership::close(link_id id, steady_time now, cluster_effects& out) {
  out.closes.push_back(id);
  unlink(id, now, false);
}

void membership::link_down(link_id link, steady_time now, cluster_effects& out) {
  unlink(link, now, true);
  for (const auto& address : book_.due(now))
    out.dials.push_back(address);
}

void membership::dial_failed(const std::string& address, bool refused, steady_time now,
                             cluster_effects& out) {
  book_.lost(address, now, false);
  if (!refused)
    return;
  for (const auto& [name, known] : peers_)
    if (known.broken && view_.at(name).card.address == address)
      return bury(name, member_change::down, down_reason::refused, now, out);
}

void membership::bury(std::string name, member_change change, down_reason reason, steady_time now,
                      cluster_effects& out) {
  const auto gone = view_.at(name);
  if (!dead_.contains(name))
    buried_.push_back(name);
  dead_[name] = gone.card.life;
  if (buried_.size() > dead_max) {
    dead_.erase(buried_.front());
    buried_.pop_front();
  }
  const auto links = peers_.at(name).links;
  for (auto link : links)
    close(link, now, out);
  book_.lost(gone.card.address, now, false);
  peers_.erase(name);
  view_.erase(name);
  out.members.push_back({change, gone.card, reason});
}

void membership::send_obituary(link_id id, const node_life& life, steady_time now, cluster_effects& out) {
  auto& state = links_.at(id);
  if (now < state.last_obituary + options_.ping_every && state.last_obituary != steady_time{})
    return;
  state.last_obituary = now;
  send(id, obituary{life}, out);
}

/// True: this card counts for nothing here.
bool membership::refuse(link_id id, const node_card& card, steady_time now, cluster_effects& out) {
  const auto dialed = links_.at(id).dialed;
  if (!well_formed(card) || !understand(card, options_.self)) {
    close(id, now, out);
    return true;
  }
  if (card.name == options_.self.name) { // ourselves under another address, or another process of our name
    close(id, now, out);
    if (card.life == options_.self.life)
      book_.forget(dialed);
    return true;
  }
  const auto known = view_.find(card.name);
  if (auto dead = dead_.find(card.name); dead != dead_.end() && card.life <= dead->second) {
    send_obituary(id, dead->second, now, out);
    return true;
  }
  if (known != view_.end() && card.life < known->second.card.life) {
    send_obituary(id, known->second.card.life, now, out);
    return true;
  }
  if (known == view_.end() && view_.size() >= options_.members_max) {
    close(id, now, out);
    return true;
  }
  return false;
}

void membership::on_hello(link_id id, const hello& said, steady_time now, cluster_effects& out) {
  if (said.addresses.size() > wire_addresses_max)
    return close(id, now, out);
  auto& state = links_.at(id);
  if (state.card && state.card->name != said.card.name)
    return close(id, now, out);
  const bool news = !state.card || state.card->life != said.card.life;
  state.card = said.card;
  if (refuse(id, said.card, now, out))
    return;
  for (const auto& address : said.addresses)
    book_.learn(address, now);
  if (said.echo == options_.self.life)
    take_up(id, said.card, now, out);
  if (links_.contains(id) && (news || !links_.at(id).echoed))
    say_hello(id, out);
}

/// Hellos went both ways.
void membership::take_up(link_id id, const node_card& card, steady_time now, cluster_effects& out) {
  auto known = view_.find(card.name);
  if (known != view_.end() && card.life.incarnation != known->second.card.life.incarnation) {
    // Its old connections go with the old life, but not this one.
    std::erase(peers_.at(card.name).links, id);
    bury(card.name, member_change::down, down_reason::replaced, now, out);
    known = view_.end();
  }
  auto& state = links_.at(id);
  state.bound = true;
  const bool is_new = known == view_.end();
  const bool renewed = !is_new && card.life != known->second.card.life;
  auto& there = view_[card.name];
  auto& known_peer = peers_[card.name];
  there.card = card;
  known_peer.last_heard = now;
  known_peer.broken = false;
  known_peer.heard_on = id;
  if (std::ranges::find(known_peer.links, id) == known_peer.links.end())
    known_peer.links.push_back(id);
  book_.met(card.address, now);
  if (known_peer.links.size() > links_per_peer_max)
    close(known_peer.links.front(), now, out);
  if (is_new) {
    known_peer.next_ping = now;
    out.members.push_back({member_change::up, card, {}});
  } else if (renewed) {
    out.members.push_back({member_change::renewed, card, {}});
  }
}

/// Others think this node dead up to that life: it takes a newer one and introduces itself again.
void membership::on_obituary(const node_life& dead, cluster_effects& out) {
  auto& life = options_.self.life;
  if (dead < life)
    return;
  if (dead.incarnation > life.incarnation)
    life = {dead.incarnation + 1, 0}; // the clock from which it was made went back
  else
    life.epoch = dead.epoch + 1;
  out.members.push_back({member_change::renewed, options_.self, {}});
  for (auto& [id, state] : links_)
    say_hello(id, out);
}

std::optional<outgoing> membership::received(link_id link, const wire_message& message, steady_time now,
                                             cluster_effects& out) {
  const auto found = links_.find(link);
  if (found == links_.end())
    return std::nullopt;
  if (const auto* said = std::get_if<hello>(&message.body)) {
    on_hello(link, *said, now, out);
    return std::nullopt;
  }
  if (const auto* told = std::get_if<obituary>(&message.body)) {
    on_obituary(told->life, out);
    return std::nullopt;
  }
  auto& state = found->second;
  const auto& header = message.header;
  if (!state.card)
    return std::nullopt;
  const auto name = state.card->name;
  if (auto dead = dead_.find(name); dead != dead_.end() && header.from <= dead->second) {
    send_obituary(link, dead->second, now, out);
    return std::nullopt;
  }
  const auto known = peers_.find(name);
  if (!state.bound || known == peers_.end() || header.to != options_.self.life ||
      header.from != view_.at(name).card.life)
    return std::nullopt;
  known->second.last_heard = now;
  known->second.heard_on = link;
  if (const auto* asked = std::get_if<ping>(&message.body)) {
    for (size_t i = 0; i < asked->addresses.size() && i < wire_addresses_max; ++i)
      book_.learn(asked->addresses[i], now);
    auto& load = view_.at(name).status;
    load = asked->status;
    load.prefixes.resize(std::min(load.prefixes.size(), wire_prefixes_max));
    out.probes.push_back({name, asked->number});
    return std::nullopt;
  }
  if (const auto* answered = std::get_if<pong>(&message.body)) {
    std::erase_if(known->second.unanswered,
                  [&](const sent_ping& sent) { return sent.number <= answered->number; });
    return std::nullopt;
  }
  if (const auto* going = std::get_if<leaving>(&message.body)) {
    if (going->gone)
      bury(name, member_change::left, down_reason::none, now, out);
    else if (!std::exchange(view_.at(name).leaving, true))
      out.members.push_back({member_change::leaving, view_.at(name).card, {}});
    return std::nullopt;
  }
  return outgoing{name, message.body};
}

void membership::progressed(const progress_probe& probe, cluster_effects& out) {
  address({probe.node, pong{probe.number}}, out);
}

void membership::ping_peer(const std::string& name, peer& to, steady_time now, cluster_effects& out) {
  to.next_ping = now + options_.ping_every;
  ++pings_;
  if (to.unanswered.size() < unanswered_max)
    to.unanswered.push_back({pings_, now});
  address({name, ping{pings_, status_, addresses()}}, out);
}

void membership::judge(const std::string& name, steady_time now, cluster_effects& out) {
  const auto& known = peers_.at(name);
  const auto silent = now - known.last_heard;
  const auto stuck = known.unanswered.empty() ? steady_time::duration{} : now - known.unanswered.front().at;
  if (silent >= options_.down_after)
    return bury(name, member_change::down, down_reason::silent, now, out);
  if (stuck >= options_.down_after)
    return bury(name, member_change::down, down_reason::no_progress, now, out);
  const bool suspected = std::max(silent, stuck) >= options_.suspect_after;
  auto& seen = view_.at(name);
  if (suspected != std::exchange(seen.suspected, suspected))
    out.members.push_back({suspected ? member_change::suspected : member_change::cleared, seen.card, {}});
}

void membership::tick(steady_time now, cluster_effects& out) {
  // Whoever stood still itself has heard nothing and knows nothing: it waits as long again.
  const bool stood_still = last_tick_ && now - *last_tick_ > options_.pause_max;
  last_tick_ = now;
  std::vector<std::string> names;
  for (auto& [name, known] : peers_) {
    names.push_back(name);
    if (stood_still) {
      known.last_heard = now;
      known.unanswered.clear();
    }
    if (now >= known.next_ping)
      ping_peer(name, known, now, out);
  }
  for (const auto& name : names)
    judge(name, now, out);
  std::vector<link_id> unbound;
  for (const auto& [id, state] : links_)
    if (!state.bound && now >= state.since + options_.handshake_max)
      unbound.push_back(id);
  for (auto id : unbound)
    close(id, now, out);
  for (const auto& address : book_.due(now))
    out.dials.push_back(address);
}

void membership::leave(bool gone, cluster_effects& out) {
  for (const auto& [name, known] : peers_)
    address({name, leaving{gone}}, out);
}

} // namespace troupe
