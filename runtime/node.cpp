#include "runtime/node.hpp"

#include "net/http_server.hpp"
#include "observe/metrics.hpp"
#include "runtime/model_set.hpp"
#include "runtime/runtime_config.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <optional>

namespace troupe {

namespace {

constexpr int64_t last_bytes_ms = 2000;

} // namespace

class node::impl {
public:
  explicit impl(const settings& configuration)
      : numbers(std::make_shared<metrics>("")), config(configuration.actor_threads), system(config) {}

  // Ends in reverse order: the server, whose I/O thread calls the door; the actors, which post to the
  // server's executor (dropped by then); their system; the numbers that all count in.
  std::shared_ptr<metrics> numbers;
  runtime_config config;
  caf::actor_system system;
  std::unique_ptr<model_set> models;
  std::unique_ptr<http_server> server;
  bool stopped = false;
};

node::node(std::unique_ptr<impl> made) : impl_(std::move(made)) {}

node::~node() {
  stop(0);
}

result<std::unique_ptr<node>> node::start(const settings& configuration, node_options options) {
  auto made = std::make_unique<impl>(configuration);
  const auto& clock = system_clock();
  post_function post;
  if (options.listen) {
    auto server = http_server::create(configuration, *made->numbers, clock);
    if (!server)
      return forward_error(server);
    made->server = std::move(*server);
    post = made->server->executor();
  }
  made->models =
      std::make_unique<model_set>(made->system, configuration, made->numbers, std::move(post), clock);
  // What fails fast comes first: keys, then the model.
  if (auto added = made->models->add(configuration, options.progress); !added)
    return forward_error(added);
  if (made->server) {
    if (auto listening = made->server->listen(*made->models); !listening)
      return forward_error(listening);
  }
  return std::unique_ptr<node>(new node(std::move(made)));
}

front_door& node::door() {
  return *impl_->models;
}

uint16_t node::port() const {
  return impl_->server ? impl_->server->port() : 0;
}

void node::stop(int64_t drain_ms) {
  if (impl_->stopped)
    return;
  impl_->stopped = true;
  impl_->models->drain(drain_ms);
  // Every stream has its last event now; a slow reader gets a moment to take it.
  if (impl_->server)
    impl_->server->stop(milliseconds(std::min(drain_ms, last_bytes_ms)));
}

} // namespace troupe
