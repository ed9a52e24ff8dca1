// A program with actors of its own that has a language model among them.
//   embedded MODEL.gguf [--crash]     --crash: the engine crashes in the middle of the second answer
#include "observe/log.hpp"
#include "runtime/embedded_runtime.hpp"
#include "runtime/runtime_config.hpp"
#include "token_printer.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <future>
#include <iostream>
#include <string_view>

namespace {

/// Some other business of the host.
class adder final : public caf::event_based_actor {
public:
  explicit adder(caf::actor_config& config) : caf::event_based_actor(config) {}

  caf::behavior make_behavior() override {
    return {[](int a, int b) { return a + b; }};
  }
};

answer print_answer(caf::actor_system& system, troupe::embedded_runtime& runtime, bool crash) {
  auto request = runtime.request("Tell me a short story about a lighthouse.");
  request.seed = 42; // the same request and seed: the same bytes, whatever happens meanwhile
  request.max_tokens = 60;
  std::promise<answer> got;
  auto answered = got.get_future();
  system.spawn<token_printer>(token_printer::options{
      .runtime = runtime.actor(), .request = std::move(request), .crash = crash, .done = [&](answer it) {
        got.set_value(std::move(it));
      }});
  return answered.get();
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: embedded MODEL.gguf [--crash]" << std::endl;
    return 2;
  }
  const bool crash = argc > 2 && std::string_view(argv[2]) == "--crash";

  // The log is the process's: without a sink it goes to standard error.
  troupe::set_log_sink([](troupe::log_level level, std::string_view line) {
    if (level >= troupe::log_level::warn)
      std::cerr << "model: " << line << std::endl;
  });

  troupe::runtime_config config(2); // scheduler.policy = sharing
  caf::actor_system system(config);
  auto own = system.spawn<adder>();

  troupe::settings settings;
  settings.model_path = argv[1];
  settings.kv_cache_mib = 64;
  auto runtime = troupe::embedded_runtime::start(system, settings);
  if (!runtime) {
    std::cerr << runtime.error().message << std::endl;
    return 1;
  }

  const answer first = print_answer(system, **runtime, false);
  const answer second = print_answer(system, **runtime, crash);
  for (const auto& each : {first, second})
    if (!each.complete) {
      std::cerr << each.problem << std::endl;
      return 1;
    }
  std::cout << (first.text == second.text ? "same bytes" : "different bytes") << std::endl;
  (*runtime)->stop(1000);

  caf::scoped_actor self(system);
  self->request(own, std::chrono::seconds(1), 2, 3)
      .receive([](int sum) { std::cout << "host goes on: 2 + 3 = " << sum << std::endl; },
               [](const caf::error&) { std::cout << "host is stuck" << std::endl; });
  caf::anon_send_exit(own, caf::exit_reason::user_shutdown);
  return first.text == second.text ? 0 : 1;
}
