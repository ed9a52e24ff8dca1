#pragma once

#include "supervision/cluster/cluster_effects.hpp"
#include "tests/sim/virtual_time.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace troupe::sim {

struct network_terms {
  int64_t delay_us_min = 50;
  int64_t delay_us_max = 3000; // of a link; each message takes up to twice as long
  double repeat = 0.2;         // that what a broken link carried last comes again over the next one
};

/// Who is at an address now.
enum class host_state : uint8_t { dead, stopped, alive };

/// Connections between nodes: in order each, with a delay of its own, lost as a whole. What is sent into a
/// partition is lost; what a broken connection carried may come again later.
class sim_network {
public:
  /// What the network tells a process: a connection, its end, a message. `process` says which life is meant.
  struct listener {
    std::function<host_state(const std::string&)> state;
    std::function<uint64_t(const std::string&)> process;
    std::function<void(const std::string& host, uint64_t process, link_id, const std::string& dialed)> up;
    std::function<void(const std::string& host, uint64_t process, link_id)> down;
    std::function<void(const std::string& host, uint64_t process, const std::string& address, bool refused)>
        failed;
    std::function<void(const std::string& host, uint64_t process, link_id, wire_message)> message;
  };

  /// time must outlive it.
  sim_network(virtual_time& time, network_terms terms, listener told);

  void dial(const std::string& from, const std::string& to);
  void send(const std::string& from, link_id link, wire_message message);
  void close(const std::string& from, link_id link);

  /// The process died: its connections end.
  void lose(const std::string& host);

  /// A connection breaks; what is under way on it is lost.
  void break_some(double share);

  /// Nothing sent from one to the other arrives, until healed.
  void block(const std::string& from, const std::string& to) { blocked_.emplace(from, to); }
  void unblock(const std::string& from, const std::string& to) { blocked_.erase({from, to}); }
  bool reaches(const std::string& from, const std::string& to) const {
    return !blocked_.contains({from, to});
  }

private:
  struct end {
    std::string host;
    uint64_t process = 0;
    int64_t last_us = 0;             // arrival of the last message at this end
    std::deque<wire_message> recent; // sent to this end
  };
  struct connection {
    end ends[2];
    int64_t delay_us = 0;
  };

  void cut(link_id link, bool tell_dead);
  void repeat_on(connection& fresh, link_id link);

  virtual_time& time_;
  network_terms terms_;
  listener told_;
  std::map<link_id, connection> links_;
  std::map<std::pair<std::string, std::string>, std::deque<wire_message>> lost_; // from, to
  std::set<std::pair<std::string, std::string>> blocked_;
  link_id next_ = 1;
};

} // namespace troupe::sim
