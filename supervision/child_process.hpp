#pragma once

#include "base/file_descriptor.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace troupe {

/// How a process ended.
struct process_end {
  int exit_code = 0;
  int signal = 0;      // that ended it; 0: it left by itself, with exit_code
  std::string problem; // why it could not even be started; empty: it was
};

std::string to_string(const process_end& end);

/// Processes on this machine that the kernel ended because memory was short, since its start.
int64_t out_of_memory_kills();

/// A program in a process of its own. It gets nothing of ours but what is named here: standard input is
/// empty, output and errors go where our errors go.
class child_process {
public:
  struct options {
    std::string program;                // its file
    std::string name;                   // as ps shows it
    std::vector<std::string> arguments; // after its name
    std::vector<int> descriptors;       // become 3, 4, 5, ... there
  };

  /// Errors are in process_end::problem of wait().
  explicit child_process(const options& wanted);

  /// Ends it, and waits, if nobody did.
  ~child_process();
  child_process(const child_process&) = delete;

  pid_t id() const { return id_; } // -1: it was not started

  /// Nothing happens once wait() has returned.
  void kill(int signal) const;

  /// Blocks until it has ended.
  process_end wait();

private:
  pid_t id_ = -1;
  file_descriptor handle_; // means this process, whoever has its number later
  std::optional<process_end> end_;
};

} // namespace troupe
