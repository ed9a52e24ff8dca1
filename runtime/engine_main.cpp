#include "runtime/engine_main.hpp"

#include "config/load_settings.hpp"
#include "observe/log.hpp"
#include "runtime/command_desk.hpp"
#include "runtime/engine_parts.hpp"
#include "runtime/loaded_model.hpp"
#include "runtime/runtime_config.hpp"
#include "supervision/engine_host.hpp"
#include "supervision/engine_process.hpp"
#include "supervision/engine_wire.hpp"

#include <caf/actor_system.hpp>
#include <fmt/format.h>
#include <future>
#include <thread>

namespace troupe {

namespace {

constexpr int exit_good = 0;
constexpr int exit_bad = 1;
constexpr int exit_front_gone = 2;
constexpr int exit_device_lost = 3;
constexpr milliseconds log_wait{500};
constexpr milliseconds front_first{10'000};

int refuse(frame_link& link, const std::string& reason) {
  link.send(encode(from_engine(engine_refused{reason})));
  return exit_bad;
}

result<settings> read_settings() {
  auto loaded = load_settings(
      {.file = fmt::format("/proc/self/fd/{}", engine_program::settings), .environment = {}, .flags = {}});
  if (!loaded)
    return forward_error(loaded);
  loaded->values.engine_process = false; // here it is
  return loaded->values;
}

std::shared_ptr<step_record> shared_record() {
  auto memory = shared_memory::open(file_descriptor(engine_program::steps), step_record::bytes());
  auto record = memory ? step_record::over(std::move(*memory)) : std::nullopt;
  return record ? std::make_shared<step_record>(std::move(*record)) : nullptr;
}

/// The engine's actors until they have ended.
void run_actors(const settings& configuration, engine_parts parts, std::shared_ptr<frame_link> link,
                command_desk& desk, const std::shared_ptr<metrics>& numbers) {
  std::promise<void> ended; // outlives the actor that keeps it
  runtime_config config(configuration.actor_threads);
  caf::actor_system system(config);
  auto census = std::make_shared<actor_census>();
  parts.options.census = census;
  auto tier = parts.tier;
  auto host =
      system.spawn<engine_host>(engine_host_options{.engine = std::move(parts.options),
                                                    .link = std::move(link),
                                                    .closing = [tier] { tier ? tier->close() : void(); },
                                                    .ended = [&ended] { ended.set_value(); }},
                                *numbers);
  desk.open(caf::actor_cast<caf::actor>(host));
  host = nullptr;
  ended.get_future().wait();
  desk.close();
}

int run(std::shared_ptr<frame_link> link, command_desk& desk, const process_exits& exits) {
  const auto setup = desk.setup().get();
  if (setup.wire_version != engine_wire_version)
    return refuse(*link, "the engine's program is another version than the server's: start the server again");
  auto configuration = read_settings();
  if (!configuration)
    return refuse(*link, configuration.error().message);
  set_log_level(*configuration);
  auto record = shared_record();
  if (!record)
    return refuse(*link, "the memory of the step record cannot be mapped");
  auto model = load_model(*configuration, [&link](size_t done, size_t total) {
    link->send(encode(from_engine(engine_loading{done, total})));
  });
  if (!model)
    return refuse(*link, model.error().message);
  auto numbers = std::make_shared<metrics>(model->name);
  auto parts =
      make_engine_parts(*configuration, model->weights, *numbers, system_clock(), numbers, std::move(record));
  if (!parts)
    return refuse(*link, parts.error().message);
  parts->options.epochs->store(setup.last_epoch);
  // The front sees a step past its deadline, and can end the process; from in here a thread cannot be ended.
  parts->options.batching.step_deadline += front_first;
  parts->options.resources.poisoned->set_end_process(exits.crash);
  // Nothing in this process can use the card again; the step's sequences are in the record.
  parts->options.resources.device_lost = [&exits](const error& why) {
    log_event(log_level::error, "device_lost", {{"reason", why.what()}});
    flush_log(log_wait);
    exits.leave(exit_device_lost);
  };
  const auto& window = model->weights->shape().window;
  link->send(encode(
      from_engine(engine_loaded{parts->context.tokens, parts->context.pages, model->weights->numeric_class(),
                                model->weights->weight_bytes(), window.positions, window.sinks})));
  run_actors(*configuration, std::move(*parts), std::move(link), desk, numbers);
  return exit_good;
}

} // namespace

int run_engine_process(process_exits exits) {
  auto link = std::make_shared<frame_link>(file_descriptor(engine_program::link));
  command_desk desk(link, [&exits] { exits.leave(exit_good); });
  std::thread reader([&] {
    link->run([&](std::string_view bytes) { desk.take(bytes); });
    exits.leave(exit_front_gone); // nobody is left to whom an answer could go
  });
  const int code = run(link, desk, exits);
  flush_log(log_wait);
  // The link stays open to the last: its end is the news of this process's.
  exits.leave(code);
  reader.join();
  return code;
}

} // namespace troupe
