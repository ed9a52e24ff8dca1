#include "supervision/child_process.hpp"

#include "base/file_descriptor.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" { // which glibc 2.36 forgot
#include <sys/pidfd.h>
}

namespace troupe {

namespace {

constexpr int first_descriptor = 3;

/// What posix_spawn is told; each call's failure is an errno.
class spawn_plan {
public:
  spawn_plan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  spawn_plan(const spawn_plan&) = delete;

  /// Ours first go out of the way of the numbers that they get there.
  int pass(const std::vector<int>& descriptors) {
    const int end = first_descriptor + static_cast<int>(descriptors.size());
    int failed = posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
      failed = posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
    for (size_t i = 0; i < descriptors.size() && failed == 0; ++i) {
      moved_.emplace_back(::fcntl(descriptors[i], F_DUPFD_CLOEXEC, end));
      failed = moved_.back() ? posix_spawn_file_actions_adddup2(&actions_, moved_.back().get(),
                                                                first_descriptor + static_cast<int>(i))
                             : errno;
    }
    // Sockets of clients above all: the process would keep them open.
    return failed != 0 ? failed : posix_spawn_file_actions_addclosefrom_np(&actions_, end);
  }

  /// Nothing is blocked or ignored there because it is here.
  int reset_signals() {
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    return posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }

  int run(const child_process::options& wanted, pid_t& id) {
    std::vector<std::string> words{wanted.name};
    words.insert(words.end(), wanted.arguments.begin(), wanted.arguments.end());
    std::vector<char*> pointers;
    for (auto& word : words)
      pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return posix_spawn(&id, wanted.program.c_str(), &actions_, &attributes_, pointers.data(), environ);
  }

private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<file_descriptor> moved_;
};

} // namespace

std::string to_string(const process_end& end) {
  if (!end.problem.empty())
    return end.problem;
  if (end.signal != 0)
    return fmt::format("signal {} ({})", end.signal,
                       ::sigabbrev_np(end.signal) ? ::sigabbrev_np(end.signal) : "?");
  return fmt::format("exit code {}", end.exit_code);
}

int64_t out_of_memory_kills() {
  std::ifstream in("/proc/vmstat");
  std::string name;
  for (int64_t value = 0; in >> name >> value;)
    if (name == "oom_kill")
      return value;
  return 0;
}

child_process::child_process(const options& wanted) {
  spawn_plan plan;
  int failed = plan.pass(wanted.descriptors);
  if (failed == 0)
    failed = plan.reset_signals();
  if (failed == 0)
    failed = plan.run(wanted, id_);
  if (failed == 0) {
    handle_ = file_descriptor(::pidfd_open(id_, 0));
    failed = handle_ ? 0 : errno; // the kernel ends it with this thread
  }
  if (failed != 0) {
    id_ = -1;
    end_ = process_end{.problem =
                           fmt::format("{} cannot be started: {}", wanted.program, std::strerror(failed))};
  }
}

child_process::~child_process() {
  kill(SIGKILL);
  wait();
}

void child_process::kill(int signal) const {
  if (!end_)
    ::pidfd_send_signal(handle_.get(), signal, nullptr, 0);
}

process_end child_process::wait() {
  if (end_)
    return *end_;
  int status = 0;
  pid_t waited;
  while ((waited = ::waitpid(id_, &status, 0)) < 0 && errno == EINTR)
    ;
  end_.emplace();
  if (waited < 0)
    end_->problem = "somebody else waited for it"; // a host that ignores SIGCHLD
  else if (WIFSIGNALED(status))
    end_->signal = WTERMSIG(status);
  else
    end_->exit_code = WEXITSTATUS(status);
  return *end_;
}

} // namespace troupe
