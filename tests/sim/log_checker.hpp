#pragma once

#include "tests/sim/cluster_log.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

struct checker_limits {
  int64_t resume_window_us = 20'000'000; // a gap before that, counted from the last contact, is a loss
  int64_t late_us = 100'000;             // past a deadline
  int64_t hop_us = 250'000;              // more for each move of the entry: deadlines travel as durations
  int64_t cancel_us = 1'000'000;         // work for a cancelled request
  int64_t trouble_us = 12'000'000;       // so long after a fault delays are its doing
  int64_t fatal_steps = 3;               // that contained a request
  int64_t woke_us = 500'000;             // for a stopped process to hear what happened
  int64_t death_us = 3'300'000;          // to notice a death
  int64_t stuck_us = 4'500'000;          // to give up a node that stands still
  int64_t idle_us = 6'000'000;           // nothing is computed anywhere, and somebody waits for tokens
};

/// Tests the invariants of a cluster (FAULTS 1-5, 7-10, 12 and a part of 13) on a log, whoever wrote it. Each
/// sentence that it returns begins with the invariant's number.
class log_checker {
public:
  explicit log_checker(checker_limits limits = {}) : limits_(limits) {}

  /// In the order of the log.
  void read(const log_record& record);

  /// What is broken, at most a handful. Also what only the end of a log shows.
  std::vector<std::string> finish();

private:
  struct told_event {
    int64_t part = 0, count = 0;
    std::string text;
    auto operator<=>(const told_event&) const = default;
  };

  struct response {
    std::vector<told_event> expected; // by number
    std::string client;
    int64_t deadline_us = 0;
    bool submitted = false, accepted = false, rejected = false, given_up = false, ended = false;
    bool resumable = false;
    int64_t next = 0; // sequence number that its reader expects
    int64_t last_contact_us = 0, attached_us = 0;
    int64_t cancelled_us = -1;
    int64_t hops = 1, takeovers = 0, fatal_steps = 0;      // a hop: to an engine, and to each new home
    std::map<std::string, std::vector<int64_t>> faults_us; // by node, until its silence was noticed
    bool reading = false;
    int64_t news_us = 0; // while it reads: of the last event
    int64_t ran_us = -1;
    std::map<int64_t, told_event> told;                                      // to any reader
    std::map<std::string, std::tuple<int64_t, std::string, int64_t>> epochs; // by home: newest
  };

  struct peer_life {
    int64_t incarnation = 0, epoch = 0;
    auto operator<=>(const peer_life&) const = default;
  };

  void read_client(const log_record& record);
  void on_event(response& about, const log_record& record);
  void read_engine(const log_record& record);
  void read_members(const log_record& record);
  void complain(int invariant, const log_record& at, const std::string& sentence);
  bool troubled(int64_t from_us, int64_t to_us, int64_t before_us) const;
  void on_silence(const std::string& node, int64_t us);
  void on_goes_on(const log_record& record);
  void check_idle(const log_record& record);
  void finish_members();

  checker_limits limits_;
  std::map<std::string, response> responses_;
  std::set<std::string> faulted_runs_; // "node/run"
  std::map<std::string, int64_t> caps_;
  std::set<std::string> alive_;
  std::map<std::string, int64_t> deaths_us_;                      // node → when its last process ended
  std::map<std::string, std::map<std::string, peer_life>> seen_;  // observer → peer → life that is up
  std::map<std::string, std::map<std::string, int64_t>> seen_us_; // since when
  std::map<std::string, std::set<std::pair<std::string, peer_life>>> buried_;
  std::map<std::string, int64_t> stuck_us_; // nodes that stand still → since when
  std::map<std::string, std::string> views_;
  std::map<std::string, std::string> homes_; // at the end
  std::set<std::string> leaving_;
  int64_t worked_us_ = 0; // any engine, last
  int64_t woke_us_ = -1'000'000'000;
  std::vector<int64_t> troubles_us_;
  int64_t calm_us_ = -1;
  std::vector<std::string> broken_;
};

} // namespace troupe::sim
