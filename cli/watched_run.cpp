#include "cli/watched_run.hpp"

#include "cli/await.hpp"
#include "cli/event_flag.hpp"

#include <cstdlib>
#include <exception>
#include <thread>

namespace troupe {

void run_watched(signal_watch& signals, console& io, const std::function<void()>& work,
                 const char* interrupted) {
  event_flag done;
  std::exception_ptr thrown;
  std::thread worker([&] {
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
    done.raise();
  });
  while (await_readable({done.fd(), signals.fd()}) != done.fd()) {
    int signal = signals.take_new();
    if (signal == 0)
      continue;
    io.err << "\ntroupe: " << interrupted << std::endl;
    io.out.flush();
    std::_Exit(128 + signal);
  }
  worker.join();
  if (thrown)
    std::rethrow_exception(thrown);
}

} // namespace troupe
