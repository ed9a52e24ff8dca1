#pragma once

#include "base/clock.hpp"
#include "base/file_descriptor.hpp"
#include "base/shared_memory.hpp"
#include "supervision/child_process.hpp"
#include "supervision/engine_messages.hpp"
#include "supervision/frame_link.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace troupe {

/// How to start an engine in a process of its own.
struct engine_program {
  /// The descriptors that such a process finds.
  static constexpr int link = 3;
  static constexpr int settings = 4;
  static constexpr int steps = 5;

  std::string path = "/proc/self/exe";
  std::vector<std::string> arguments = {"engine"};
  std::shared_ptr<const shared_memory> settings_file; // TOML
  std::shared_ptr<const shared_memory> step_memory;   // a step_record
};

/// What a process did, in order; process_end is the last.
struct engine_event {
  uint64_t life = 0; // of which process
  std::variant<from_engine, process_end> what;
};

/// One life of an engine's process. A thread starts it, reads its link and waits for it: so the thread whose
/// end the kernel takes for that of the parent (PR_SET_PDEATHSIG) is there as long as the process.
class engine_process {
public:
  engine_process(const engine_program& program, uint64_t life, const engine_setup& setup);

  /// Kills it, and waits for its end.
  ~engine_process();

  uint64_t life() const { return life_; }

  /// Never waits; nothing happens where the process is gone.
  void send(const to_engine& message);
  void kill();

  /// The next event; absent: none came within `limit`. Not after forward_to().
  std::optional<engine_event> next(milliseconds limit);

  /// Events go there from now on, those that wait first. Called on the process's thread; must not block.
  void forward_to(std::function<void(engine_event)> receiver);

private:
  void run(const engine_program& program, const engine_setup& setup, file_descriptor theirs);
  void tell(std::variant<from_engine, process_end> what);

  const uint64_t life_;
  std::unique_ptr<frame_link> link_; // null: there are no descriptors left

  std::mutex process_mutex_;
  std::unique_ptr<child_process> process_; // while it can be killed
  bool killed_ = false;

  std::mutex events_mutex_;
  std::condition_variable changed_;
  std::deque<engine_event> events_;
  std::function<void(engine_event)> receiver_;

  std::thread thread_; // last: it uses all of the above
};

} // namespace troupe
