#include "runtime/embedded_runtime.hpp"

#include "base/check.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "config/setting.hpp"
#include "observe/metrics.hpp"
#include "runtime/actor_tree.hpp"
#include "runtime/errors.hpp"

#include <algorithm>
#include <thread>

namespace troupe {

namespace {

constexpr milliseconds drain_poll{10};

/// The bounds that a file or a flag would have met.
status check_bounds(const settings& given) {
  settings checked;
  for (const auto& row : all_settings())
    if (auto ok = assign(row, value_of(row, given), "the host's settings", checked); !ok)
      return ok;
  if (given.engine_process)
    return failure(
        runtime_error::not_supported,
        "supervision.engine_process is true, but a host's program is none that could be started as an "
        "engine: set it to false");
  if (given.model_path.empty())
    return failure(config_error::out_of_bounds, "model.path is empty: name a GGUF file");
  return {};
}

} // namespace

class embedded_runtime::impl {
public:
  explicit impl(const std::string& model) : numbers(std::make_shared<metrics>(model)) {}

  actor_tree& living() {
    TROUPE_CHECK(actors, "the runtime was stopped");
    return *actors;
  }

  std::shared_ptr<metrics> numbers;
  std::unique_ptr<actor_tree> actors; // null: stopped
};

embedded_runtime::embedded_runtime(std::unique_ptr<impl> made) : impl_(std::move(made)) {}

embedded_runtime::~embedded_runtime() {
  stop(0);
}

result<std::unique_ptr<embedded_runtime>> embedded_runtime::start(caf::actor_system& system,
                                                                  const settings& configuration,
                                                                  const load_progress& progress) {
  if (auto ok = check_bounds(configuration); !ok)
    return forward_error(ok);
  auto model = load_model(configuration, progress);
  if (!model)
    return forward_error(model);
  return start(system, configuration, std::move(*model));
}

result<std::unique_ptr<embedded_runtime>>
embedded_runtime::start(caf::actor_system& system, const settings& configuration, loaded_model model) {
  if (auto ok = check_bounds(configuration); !ok)
    return forward_error(ok);
  auto made = std::make_unique<impl>(model.name);
  auto actors = actor_tree::start(system, configuration, std::move(model), *made->numbers, {}, system_clock(),
                                  made->numbers);
  if (!actors)
    return forward_error(actors);
  made->actors = std::move(*actors);
  return std::unique_ptr<embedded_runtime>(new embedded_runtime(std::move(made)));
}

front_actor embedded_runtime::actor() const {
  return impl_->living().handle();
}

front_door& embedded_runtime::door() {
  return impl_->living().door();
}

generation_request embedded_runtime::request(std::string user_message) const {
  generation_request out;
  out.response_id = make_id("resp_");
  out.request_id = out.response_id;
  out.messages = {{"user", std::move(user_message)}};
  out.arrived = system_clock().now();
  return out;
}

bool embedded_runtime::ready() const {
  return impl_->living().door().status().ready;
}

std::string embedded_runtime::metrics_text() {
  return impl_->numbers->render();
}

void embedded_runtime::stop(int64_t drain_ms) {
  if (!impl_->actors)
    return;
  const auto& clock = system_clock();
  const auto end = clock.now() + milliseconds(drain_ms);
  impl_->actors->drain(drain_ms);                                         // the door's answers
  while (impl_->numbers->ledger_entries.Value() > 0 && clock.now() < end) // those of the host's actors
    std::this_thread::sleep_for(drain_poll);
  impl_->actors.reset();
}

} // namespace troupe
