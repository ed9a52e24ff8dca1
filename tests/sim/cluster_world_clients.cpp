#include "tests/sim/cluster_world.hpp"

namespace troupe::sim {

void cluster_world::add_client(const planned_request& request, size_t number) {
  if (request.poison_at >= 0)
    poison_[request.request.response_id] = request.poison_at;
  if (request.kills_process)
    process_poison_[request.request.response_id] = request.poison_at;
  for (auto& expected : undisturbed(request.request))
    log_.push_back(std::move(expected));
  const client_wires wires{
      .submit =
          [this](cluster_client& client, size_t node, uint64_t number_there) {
            open_session(
                client, node, number_there, [this, &client](cluster_node& there, subscriber_key key) {
                  // Its time counts from when it is there.
                  const auto& opened = client.plan().request;
                  note(log_kind::submit, client.name(), client.id(),
                       time_.now_us() + opened.timeout_ms * 1000, !opened.resume.stream_token.empty());
                  return there.submit(client.plan().request, key, key);
                });
          },
      .attach =
          [this](cluster_client& client, size_t node, uint64_t number_there) {
            open_session(client, node, number_there, [&client](cluster_node& there, subscriber_key key) {
              return there.attach(client.reader(), key, key);
            });
          },
      .cancel =
          [this](cluster_client& client) {
            const auto& life = hosts_[client.node()].life;
            if (life)
              post(client.node(), life->number, [this, &client, node = client.node()](process& there) {
                const bool known = !client.plan().request.resume.stream_token.empty();
                step(node, there,
                     known ? there.node->cancel(client.reader())
                           : there.node->cancel(cancel_response{client.id()}));
              });
          },
      .detach =
          [this](cluster_client& client) {
            const auto& life = hosts_[client.node()].life;
            if (life && time_.chance(0.8)) // or the node does not notice
              post(client.node(), life->number, [this, &client, node = client.node()](process& there) {
                step(node, there, there.node->detach(client.id()));
              });
          },
      .log = [this](log_record record) { log_.push_back(std::move(record)); }};
  clients_.emplace_back("client" + std::to_string(number), request, hosts_.size(), time_, wires);
  if (request.spied_us >= 0)
    time_.after(request.spied_us, [this, &client = clients_.back()] { spy(client); });
  time_.after(request.at_us, [&client = clients_.back()] { client.begin(); });
}

/// Asks for a response with another key, or another stream token.
void cluster_world::spy(const cluster_client& client) {
  const auto node = static_cast<size_t>(time_.between(0, static_cast<int64_t>(hosts_.size()) - 1));
  if (!hosts_[node].life)
    return;
  auto reader = client.reader();
  (time_.chance(0.5) ? reader.owner : reader.stream_token) += "x";
  const auto ticket = next_session_++;
  spies_[ticket] = client.id();
  post(node, hosts_[node].life->number, [this, node, reader, ticket](process& there) {
    step(node, there, there.node->attach(reader, ticket, ticket));
  });
}

void cluster_world::open_session(cluster_client& client, size_t node, uint64_t number,
                                 std::function<cluster_effects(cluster_node&, subscriber_key)> first) {
  const auto key = next_session_++;
  const auto& life = hosts_[node].life;
  if (!life) {
    time_.after(1000, [&client, number] { client.lost(number); });
    return;
  }
  sessions_[key] = {&client, number, node, life->number, 0};
  time_.after(time_.between(100, 2000), [this, key, node, number = life->number, first = std::move(first)] {
    post(node, number,
         [this, key, node, first](process& there) { step(node, there, first(*there.node, key)); });
  });
}

/// Answers and events travel for a while, in order; what is under way when the node dies is lost.
void cluster_world::tell_clients(const cluster_effects& effects) {
  const auto tell = [this](subscriber_key key, std::function<void(session&)> what) {
    const auto found = sessions_.find(key);
    if (found == sessions_.end())
      return;
    auto& to = found->second;
    to.last_us = std::max(to.last_us, time_.now_us() + time_.between(100, 2000));
    time_.after(to.last_us - time_.now_us(), [this, key, what = std::move(what)] {
      if (auto still = sessions_.find(key); still != sessions_.end())
        what(still->second);
    });
  };
  for (const auto& answer : effects.answers)
    if (const auto spied = spies_.find(answer.ticket);
        spied != spies_.end() && std::holds_alternative<accepted_response>(answer.outcome))
      note(log_kind::leak, "", spied->second);
  for (const auto& answer : effects.answers)
    tell(answer.ticket, [outcome = answer.outcome](session& to) { to.client->answered(to.number, outcome); });
  for (const auto& each : effects.events)
    tell(each.subscriber, [this, event = each.event](session& to) {
      to.client->receive(to.number, event);
      if (time_.chance(0.7))
        post(to.node, to.process, [this, node = to.node, event](process& there) {
          step(node, there, there.node->acknowledge({event.response_id, event.sequence_number}));
        });
    });
  for (const auto& each : effects.lost_readers)
    tell(each.subscriber, [](session& to) { to.client->lost(to.number); });
}

void cluster_world::lose_sessions(size_t node) {
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    if (at->second.node != node) {
      ++at;
      continue;
    }
    const auto gone = at->second;
    at = sessions_.erase(at);
    time_.after(time_.between(100, 2000), [gone] { gone.client->lost(gone.number); });
  }
}

} // namespace troupe::sim
