#include "runtime/runtime_config.hpp"

#include <caf/atom.hpp>

#include <algorithm>

namespace troupe {

runtime_config::runtime_config(int64_t actor_threads) {
  share_scheduler(*this, actor_threads);
}

void share_scheduler(caf::actor_system_config& config, int64_t actor_threads) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", static_cast<size_t>(std::max<int64_t>(1, actor_threads)));
}

bool shares_scheduler(const caf::actor_system_config& config) {
  return caf::get_or(config, "scheduler.policy", caf::atom("stealing")) == caf::atom("sharing");
}

} // namespace troupe
