#include "supervision/cluster/cluster_node.hpp"

#include "base/check.hpp"

namespace troupe {

namespace {

constexpr size_t chain_max = 100'000; // messages to oneself that follow from one event: more is a circle

template <class... Handlers>
struct overloaded : Handlers... {
  using Handlers::operator()...;
};

} // namespace

cluster_node::cluster_node(cluster_options options, make_text_decoder decoder, const time_source& clock,
                           token_bytes_of bytes)
    : options_(std::move(options)), clock_(clock), membership_(options_.membership), routes_(membership_),
      copies_(options_.copies), host_(options_.host),
      ledger_(options_.replication, std::move(decoder), clock, membership_, routes_, copies_,
              std::move(bytes)) {
  routes_.set_own_status(own_status());
}

node_status cluster_node::own_status() const {
  const auto attempts = static_cast<uint32_t>(host_.size());
  const auto running = std::min(attempts, options_.capacity);
  return {.draining = ledger_.leaving(),
          .running = running,
          .waiting = attempts - running,
          .capacity = options_.capacity,
          .prefixes = prefixes_.hashes()};
}

void cluster_node::take_head(const std::string& from, const entry_head& head, cluster_effects& out) {
  if (head.id.empty() || head.id.size() > response_id_bytes_max || head.remaining_ms < 0)
    return;
  if (head.purpose == transfer_purpose::attempt)
    return host_.take(from, head, clock_.now(), out);
  if (ledger_.owns_already(from, head, out))
    return;
  copies_.take(from, head, clock_.now(), out);
  ledger_.take_arrived(out);
}

void cluster_node::deliver(const std::string& from, const wire_body& body, cluster_effects& out) {
  const auto part = [&](const auto& some) {
    if (some.purpose == transfer_purpose::attempt)
      return host_.take(from, some, out);
    copies_.take(some, out);
    ledger_.take_arrived(out);
  };
  std::visit(overloaded{
                 [&](const entry_head& head) { take_head(from, head, out); },
                 [&](const entry_prompt& some) { part(some); }, [&](const entry_tokens& some) { part(some); },
                 [&](const entry_ack& ack) { ledger_.take(from, ack, out); },
                 [&](const entry_drop& drop) {
                   if (drop.purpose == transfer_purpose::attempt)
                     host_.take(from, drop, out);
                   else
                     copies_.take(from, drop, out);
                 },
                 [&](const entry_drop_ack& ack) { ledger_.take(from, ack); },
                 [&](const attempt_tokens& results) { ledger_.take(from, results, out); },
                 [&](const attempt_tokens_ack& ack) { host_.take(from, ack); },
                 [&](const attempt_failed& failed) { ledger_.take(from, failed, out); },
                 [&](const locate& asked) { ledger_.take(from, asked, out); },
                 [&](const located& answer) { ledger_.take(from, answer); },
                 [&](const announce& told) { ledger_.take(from, told, out); },
                 [&](const auto&) {}, // membership's
             },
             body);
}

/// What follows from an event inside this node, until nothing does; what is left goes to others.
cluster_effects cluster_node::settle(cluster_effects out) {
  const auto& self = membership_.self().name;
  size_t member = 0, sent = 0, chain = 0;
  while (member < out.members.size() || sent < out.sends.size()) {
    TROUPE_CHECK(++chain < chain_max, "messages of a node to itself go in a circle");
    if (member < out.members.size()) {
      const auto event = out.members[member++];
      if (event.change == member_change::down || event.change == member_change::left)
        host_.lose_home(event.card.name, out);
      ledger_.member_changed(event, out);
      continue;
    }
    const auto message = std::move(out.sends[sent++]);
    if (message.node == self)
      deliver(self, message.body, out);
    else
      membership_.address(message, out);
  }
  out.sends.clear();
  for (const auto& start : out.starts)
    prefixes_.computed(start.spec);
  for (const auto& probe : out.probes)
    routes_.heard(probe.node);
  return out;
}

cluster_effects cluster_node::link_up(link_id link, const std::string& dialed) {
  cluster_effects out;
  membership_.link_up(link, dialed, clock_.now(), out);
  return settle(std::move(out));
}

cluster_effects cluster_node::link_down(link_id link) {
  cluster_effects out;
  membership_.link_down(link, clock_.now(), out);
  return settle(std::move(out));
}

cluster_effects cluster_node::dial_failed(const std::string& address, bool refused) {
  cluster_effects out;
  membership_.dial_failed(address, refused, clock_.now(), out);
  return settle(std::move(out));
}

cluster_effects cluster_node::received(link_id link, const wire_message& message) {
  cluster_effects out;
  if (const auto said = membership_.received(link, message, clock_.now(), out))
    deliver(said->node, said->body, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::progressed(const progress_probe& probe) {
  cluster_effects out;
  membership_.progressed(probe, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::tick() {
  cluster_effects out;
  const auto now = clock_.now();
  const auto own = own_status();
  membership_.set_status(own);
  routes_.set_own_status(own);
  routes_.heard(membership_.self().name);
  membership_.tick(now, out);
  copies_.tick(now);
  ledger_.tick(out);
  host_.tick(now, out);
  out = settle(std::move(out));
  if (ledger_.handed_on(host_.size() == 0) && !std::exchange(told_gone_, true))
    membership_.leave(true, out);
  out.left = told_gone_;
  return out;
}

cluster_effects cluster_node::leave() {
  cluster_effects out;
  ledger_.leave();
  membership_.leave(false, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::submit(open_entry request, subscriber_key subscriber, ticket_id ticket) {
  cluster_effects out;
  ledger_.submit(std::move(request), subscriber, ticket, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::attach(const attach_reader& reader, subscriber_key subscriber,
                                     ticket_id ticket) {
  cluster_effects out;
  ledger_.attach(reader, subscriber, ticket, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::cancel(const attach_reader& who) {
  cluster_effects out;
  ledger_.cancel(who, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::cancel(const cancel_response& here) {
  cluster_effects out;
  ledger_.cancel(here, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::acknowledge(const acknowledge_events& ack) {
  cluster_effects out;
  ledger_.acknowledge(ack, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::detach(const std::string& response_id) {
  cluster_effects out;
  ledger_.detach(response_id, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::lose_subscriber(subscriber_key subscriber) {
  cluster_effects out;
  ledger_.lose_subscriber(subscriber, out);
  return settle(std::move(out));
}

cluster_effects cluster_node::computed(run_id run, const std::vector<sampled_token>& tokens) {
  cluster_effects out;
  host_.computed(run, tokens, clock_.now(), out);
  return settle(std::move(out));
}

cluster_effects cluster_node::engine_died(const std::set<run_id>& in_step) {
  cluster_effects out;
  host_.engine_died(in_step, out);
  return settle(std::move(out));
}

} // namespace troupe
