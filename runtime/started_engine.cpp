#include "runtime/started_engine.hpp"

#include "config/settings_text.hpp"
#include "runtime/errors.hpp"
#include "supervision/engine_wire.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr milliseconds ping_interval{500};
constexpr int silent_pings_max = 20; // a machine that has just started may be slow to give pages

std::optional<shared_memory> file_of(const std::string& text) {
  auto file = shared_memory::create(text.size());
  if (file)
    std::memcpy(file->bytes().data(), text.data(), text.size());
  return file;
}

} // namespace

result<std::shared_ptr<started_engine>> started_engine::start(const settings& configuration,
                                                              const load_progress& progress) {
  auto text = file_of(settings_toml({configuration, {}}));
  auto steps = shared_memory::create(step_record::bytes());
  if (!text || !steps)
    return failure(
        runtime_error::engine_failed,
        "there is no memory to share with an engine's process: close files, or set engine_process = "
        "false");
  std::shared_ptr<started_engine> out(new started_engine);
  // Mapped here once more: the process gets the file.
  auto mapped = shared_memory::open(file_descriptor(::fcntl(steps->descriptor(), F_DUPFD_CLOEXEC, 0)),
                                    step_record::bytes());
  auto record = mapped ? step_record::over(std::move(*mapped)) : std::nullopt;
  if (!record)
    return failure(runtime_error::engine_failed, "the memory of the step record cannot be mapped");
  out->record_ = std::make_shared<step_record>(std::move(*record));
  out->program_.settings_file = std::make_shared<const shared_memory>(std::move(*text));
  out->program_.step_memory = std::make_shared<const shared_memory>(std::move(*steps));
  out->first_ = std::make_unique<engine_process>(out->program_, 1, engine_setup{engine_wire_version, 0});
  if (auto loaded = out->wait_for_model(progress); !loaded)
    return forward_error(loaded);
  return out;
}

status started_engine::wait_for_model(const load_progress& progress) {
  for (int silent = 0; silent < silent_pings_max; ++silent) {
    const auto event = first_->next(ping_interval);
    if (!event) {
      first_->send(engine_ping{});
      continue;
    }
    silent = -1;
    if (const auto* end = std::get_if<process_end>(&event->what))
      return failure(
          runtime_error::engine_failed,
          fmt::format("the engine's process ended while it loaded the model: {}", to_string(*end)));
    const auto& message = std::get<from_engine>(event->what);
    if (const auto* loading = std::get_if<engine_loading>(&message); loading && progress)
      progress(loading->done_bytes, loading->total_bytes);
    if (const auto* refused = std::get_if<engine_refused>(&message))
      return failure(runtime_error::engine_failed, refused->reason);
    if (const auto* loaded = std::get_if<engine_loaded>(&message)) {
      facts_ = *loaded;
      return {};
    }
  }
  return failure(runtime_error::engine_failed, "the engine's process does not answer");
}

std::unique_ptr<engine_process> started_engine::next(uint64_t life, const engine_setup& setup) {
  const std::scoped_lock lock(mutex_);
  if (first_)
    return std::move(first_);
  return std::make_unique<engine_process>(program_, life, setup);
}

} // namespace troupe
