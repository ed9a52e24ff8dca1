#pragma once

#include "tests/sim/cluster_log.hpp"
#include "tests/sim/cluster_plan.hpp"
#include "tests/sim/virtual_time.hpp"

#include <functional>
#include <string>

namespace troupe::sim {

class cluster_client;

/// The way of a client to the nodes: each may come to nothing.
struct client_wires {
  std::function<void(cluster_client&, size_t node, uint64_t session)> submit;
  std::function<void(cluster_client&, size_t node, uint64_t session)> attach;
  std::function<void(cluster_client&)> cancel;
  std::function<void(cluster_client&)> detach;
  std::function<void(log_record)> log;
};

/// A client with one request: it submits, reads, goes away, comes back at any node with the id, the stream
/// token and the last sequence number, and gives up only when it is told that the rest is gone.
class cluster_client {
public:
  cluster_client(std::string name, planned_request plan, size_t nodes, virtual_time& time,
                 client_wires wires);

  void begin();

  // From the node to which the session belongs; other sessions are over.
  void answered(uint64_t session, const std::variant<accepted_response, rejection>& outcome);
  void receive(uint64_t session, const response_event& event);
  void lost(uint64_t session);

  bool done() const { return state_ == state::done; }
  bool accepted() const { return accepted_; }
  const std::string& name() const { return name_; }
  const planned_request& plan() const { return plan_; }
  const std::string& id() const { return plan_.request.response_id; }
  size_t node() const { return node_; }
  uint64_t session() const { return session_; }
  int64_t last_seen() const { return next_ - 1; }
  attach_reader reader() const;

private:
  enum class state { idle, submitting, reading, seeking, away, done };

  void note(log_kind kind, int64_t number = 0, int64_t part = 0, const std::string& text = {});
  void seek(int64_t delay_us);
  void watch();

  std::string name_;
  planned_request plan_;
  size_t nodes_;
  virtual_time& time_;
  client_wires wires_;
  state state_ = state::idle;
  size_t node_;
  uint64_t session_ = 0;
  int64_t next_ = 0; // sequence number
  int64_t last_news_us_ = 0;
  size_t denials_ = 0; // in a row
  bool accepted_ = false, cancelled_ = false, left_ = false;
};

} // namespace troupe::sim
