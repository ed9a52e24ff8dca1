#pragma once

#include "supervision/ledger.hpp"
#include "tests/sim/engine_life.hpp"
#include "tests/sim/hooked_model.hpp"
#include "tests/sim/sim_client.hpp"
#include "tests/sim/world_counts.hpp"

#include <list>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace troupe::sim {

/// How slow each edge is: the weight of its delivery beside all else that may happen.
struct world_edges {
  double to_engine = 1, engine_up = 1, to_ledger = 1, to_client = 1, from_client = 1, restart = 1;
  engine_edges engine;
};

struct world_options {
  planner_limits planner; // the canary's page is set by the world
  ledger_limits ledger;
  int32_t page_count = 16;
  int64_t token_us_max = 200; // a pass takes up to so long for each of its tokens
  world_edges edges;
  int crashes = 0;            // of the engine, each at a moment and in a part that chance picks
  double crash_weight = 0.02; // of one more of these happening next
  double tick_weight = 0.02;  // of the clock moving on, and the ledger's deadlines with it
  double probe_weight = 0.01; // of the health monitor asking
  double arrival_weight = 1;
  int64_t events_max = 200'000; // more: the world stands still, or runs in circles

  // Mutations, for tests of the simulator; empty: none.
  std::function<void(step_plan&)> change_plan;
  std::function<void(dispatch_sequence&)> change_dispatch;
  std::function<void(step_result&)> change_result; // as the ledger gets it
};

/// A node without sockets, actors and time: the ledger, an engine and its lives, clients, and every message
/// between them, delivered in an order that a seed picks. It runs the plain classes that ship. Throws
/// world_failure at the first broken invariant.
class engine_world {
public:
  /// model: shared by all worlds.
  engine_world(std::shared_ptr<const language_model> model, world_options options, uint64_t seed);

  /// The request arrives when chance says so.
  void add(open_entry request, lone_answer expected, client_habits habits = {});

  /// Every step that computes this position of the response's prompt and answer, or a later one, crashes.
  void add_poison(const std::string& response_id, int32_t from_position);

  /// Until every response has ended, every message has arrived and all pages are back.
  void run();

  /// The last things that happened, one a line.
  std::string trace() const;

  const world_counts& counted() const { return counts_; }
  const std::list<sim_client>& clients() const { return clients_; }

private:
  enum class part : uint8_t { executor_before, executor_after, batcher, process };

  void offer(std::vector<choice>& out);
  void offer_client(sim_client& client, std::vector<choice>& out);
  void offer_chance(std::vector<choice>& out);
  void happen(const choice& next);
  void idle();
  bool done() const;
  std::string rest() const; // what keeps it from being done
  void check_rest();

  void arrive(sim_client& client);
  void read(sim_client& client, const event_batch& batch);
  void come_back(sim_client& client);
  void act(ledger_effects effects);
  void note_end(const ended_response& ended);

  void to_engine(std::function<void(engine_life&)> deliver, epoch_number epoch);
  void crash();
  void restart();
  void die();
  void note_life();
  void tick(milliseconds by);
  void start_pass();
  void end_pass(std::span<const sequence_slice> slices, std::span<const float> logits);
  void check_logits(std::span<const float> logits) const;
  bool poisoned(const step_row& row) const;

  world_options options_;
  std::mt19937_64 random_;
  manual_clock clock_;
  std::shared_ptr<hooked_model> model_;
  engine_resources resources_;
  page_shadow shadow_;
  ledger ledger_;
  std::list<sim_client> clients_;          // in order of arrival
  std::map<std::string, int32_t> poisons_; // response → position of prompt and answer
  std::map<sequence_id, const sim_client*> by_sequence_;
  std::map<std::string, int64_t> alone_; // response → fatal steps that held nothing else
  step_plan current_;                    // the step that runs
  std::unique_ptr<engine_life> life_;
  message_edge to_engine_{"the engine supervisor gets a message"};
  message_edge to_ledger_{"the ledger gets a result"};
  message_edge engine_up_{"the ledger hears of an engine"};
  epoch_number epoch_ = 0;
  std::optional<part> armed_; // the pass that runs next crashes
  int crashes_left_ = 0;
  int64_t idle_rounds_ = 0;
  std::vector<std::string> trace_;
  world_counts counts_;
};

} // namespace troupe::sim
