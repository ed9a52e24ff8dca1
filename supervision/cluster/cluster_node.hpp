#pragma once

#include "supervision/cluster/attempt_host.hpp"
#include "supervision/cluster/prefix_summary.hpp"
#include "supervision/cluster/replicated_ledger.hpp"

#include <set>
#include <string>
#include <vector>

namespace troupe {

struct cluster_options {
  membership_options membership;
  replication_limits replication;
  replica_limits copies;
  host_limits host;
  uint32_t capacity = 16; // requests in one step of this node's engine
};

/// A node's part in the cluster: membership, ledger, copies, routing and the engine's side, tied together.
/// Every call is one step(event, now) → effects; the shell owns sockets, timers, doors and the engine, and
/// carries the effects out. tick() wants to come every 0.05 to 0.1 s. Plain code, no I/O.
class cluster_node {
public:
  /// clock must outlive it.
  cluster_node(cluster_options options, make_text_decoder decoder, const time_source& clock,
               token_bytes_of bytes = {});

  // Connections.
  cluster_effects link_up(link_id link, const std::string& dialed); // empty: the other side dialed
  cluster_effects link_down(link_id link);
  cluster_effects dial_failed(const std::string& address, bool refused);
  cluster_effects received(link_id link, const wire_message& message);
  cluster_effects progressed(const progress_probe& probe);
  cluster_effects tick();
  cluster_effects leave();

  // Doors. A ticket is answered once, in cluster_effects::answers.
  cluster_effects submit(open_entry request, subscriber_key subscriber, ticket_id ticket);
  cluster_effects attach(const attach_reader& reader, subscriber_key subscriber, ticket_id ticket);
  cluster_effects cancel(const attach_reader& who);    // wherever it lives
  cluster_effects cancel(const cancel_response& here); // by the door that reads it
  cluster_effects acknowledge(const acknowledge_events& ack);
  cluster_effects detach(const std::string& response_id);
  cluster_effects lose_subscriber(subscriber_key subscriber);

  // This node's engine.
  cluster_effects computed(run_id run, const std::vector<sampled_token>& tokens);
  cluster_effects engine_died(const std::set<run_id>& in_step);

  const membership& members() const { return membership_; }
  const replicated_ledger& ledger() const { return ledger_; }
  const replica_store& copies() const { return copies_; }
  const attempt_host& host() const { return host_; }

private:
  cluster_effects settle(cluster_effects out);
  void deliver(const std::string& from, const wire_body& body, cluster_effects& out);
  void take_head(const std::string& from, const entry_head& head, cluster_effects& out);
  node_status own_status() const;

  cluster_options options_;
  const time_source& clock_;
  membership membership_;
  routing routes_;
  replica_store copies_;
  attempt_host host_;
  replicated_ledger ledger_;
  prefix_summary prefixes_;
  bool told_gone_ = false;
};

} // namespace troupe
