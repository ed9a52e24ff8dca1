#pragma once

#include "cli/batch/batch_call.hpp"
#include "cli/batch/batch_input.hpp"
#include "cli/batch/batch_results.hpp"
#include "cli/event_flag.hpp"
#include "cli/signal_watch.hpp"
#include "net/front_door.hpp"
#include "observe/metrics.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace troupe {

struct batch_options {
  int32_t concurrency = 64;      // requests in flight at most
  int64_t patience_ms = 120'000; // with an engine that is down or full, before a request fails for it
};

/// What a run came to.
struct batch_counts {
  size_t done = 0;   // of this run
  size_t failed = 0; // of those: not status 200
  int signal = 0;    // that ended it early; 0: it came to its end
};

/// Runs the requests of a batch that have no result yet. One thread: run()'s; the door calls back on its own,
/// and must have ended before this does.
class batch_run {
public:
  batch_run(front_door&, const settings&, const time_source&, batch_options);

  /// progress: after each result. Errors: input, output.
  result<batch_counts> run(batch_input&, batch_results&, signal_watch&,
                           const std::function<void(const batch_counts&)>& progress);

private:
  struct outcome {
    int64_t number = 0; // of the line
    int http_status = 0;
    std::string body;
    bool try_again = false; // refused, since the engine was down or full
  };

  struct pending {
    batch_line line;
    std::string request_id;
    std::vector<std::string> response_ids; // of its choices
    steady_time begun;
    steady_time again_at; // with waiting
    bool waiting = false; // for its next try
  };

  /// What the door's thread hands over.
  struct inbox {
    std::mutex mutex;
    std::vector<outcome> outcomes;
    event_flag flag;

    void put(outcome);
    std::vector<outcome> take();
  };

  status start_more(batch_input&, batch_results&);
  status submit(int64_t number, pending, batch_results&);
  status settle(outcome, batch_results&);
  status write(const pending&, int http_status, std::string_view body, batch_results&);
  status try_again(batch_results&);
  static void hand_over(inbox&, front_door&, int64_t number, answer_stream&);

  front_door& door_;
  const time_source& clock_;
  batch_options options_;
  metrics numbers_; // nobody reads them; the context wants some
  server_context context_;
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  std::unordered_map<int64_t, pending> pending_; // by line number; at most `concurrency`
  bool at_end_ = false;
  batch_counts counts_;
  std::function<void(const batch_counts&)> progress_;
};

} // namespace troupe
