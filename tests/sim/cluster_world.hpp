#pragma once

#include "tests/sim/cluster_client.hpp"
#include "tests/sim/log_checker.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/stub_engine.hpp"

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::sim {

/// A cluster without sockets, actors and time: the very classes that ship, a network that loses and repeats,
/// processes that die and stand still, clients that come and go. All of it follows from the plan and a seed.
class cluster_world {
public:
  cluster_world(cluster_plan plan, uint64_t seed);

  /// Until all that was planned is over, every client is done and the nodes see each other again.
  void run();

  const std::vector<log_record>& log() const { return log_; }
  int64_t now_us() const { return time_.now_us(); }
  int64_t happened() const { return time_.happened(); }

private:
  /// One life of a node.
  struct process {
    uint64_t number = 0;
    std::unique_ptr<cluster_node> node;
    std::unique_ptr<stub_engine> engine;
    bool stopped = false, stalled = false, engine_down = false, stepping = false;
    int64_t slowness = 1;
    uint64_t engine_life = 0;
    std::deque<std::function<void()>> held; // while it stands still
    std::deque<progress_probe> probes;      // while it makes no progress
    std::map<run_id, std::string> runs;     // what its engine was given
    std::map<std::string, size_t> tokens;   // owned: how many
    std::map<std::string, uint32_t> terms;  // owned: term
    std::map<std::string, int64_t> sizes;   // largest so far
  };

  struct host {
    std::string name;
    uint64_t incarnation = 0;
    std::optional<process> life; // absent: dead
  };

  struct session {
    cluster_client* client = nullptr;
    uint64_t number = 0;
    size_t node = 0;
    uint64_t process = 0;
    int64_t last_us = 0;
  };

  size_t index_of(const std::string& name) const;
  void note(log_kind kind, const std::string& who, const std::string& id = {}, int64_t number = 0,
            int64_t part = 0, int64_t count = 0, const std::string& text = {});

  // Processes (cluster_world.cpp)
  void start(size_t index);
  void kill(size_t index);
  void post(size_t index, uint64_t number, std::function<void(process&)> happen);
  void step(size_t index, process& life, cluster_effects effects);
  void act_engine(size_t index, process& life, const cluster_effects& effects);
  void tick(size_t index, uint64_t number);
  void run_engine(size_t index, process& life);
  void engine_step(size_t index, process& life);
  void kill_engine(size_t index, process& life, const std::set<run_id>& in_step);
  void look_at(size_t index, process& life, const cluster_effects& effects);

  // Clients (cluster_world_clients.cpp)
  void add_client(const planned_request& request, size_t number);
  void tell_clients(const cluster_effects& effects);
  void open_session(cluster_client& client, size_t node, uint64_t number,
                    std::function<cluster_effects(cluster_node&, subscriber_key)> first);
  void spy(const cluster_client& client);
  void lose_sessions(size_t node);

  // Faults (cluster_world_faults.cpp)
  void next_fault();
  bool fault_begins(const planned_fault& fault);
  void fault_ends(const planned_fault& fault);
  void part(const planned_fault& fault, bool begins);
  bool safe_without(size_t index) const;
  bool owned_elsewhere(const std::string& id, size_t without) const;
  void trouble(const std::string& why) { note(log_kind::trouble, "", "", 0, 0, 0, why); }
  bool quiet() const;

  cluster_plan plan_;
  virtual_time time_;
  std::vector<host> hosts_;
  std::unique_ptr<sim_network> network_;
  std::list<cluster_client> clients_;
  std::map<subscriber_key, session> sessions_; // also tickets
  std::map<ticket_id, std::string> spies_;     // response that they asked for
  std::map<std::string, int32_t> poison_, process_poison_;
  std::vector<log_record> log_;
  uint64_t next_process_ = 1;
  subscriber_key next_session_ = 1;
  size_t fault_ = 0;
  bool faults_over_ = false;
  int postponed_ = 0;
};

} // namespace troupe::sim
