#include "runtime/node.hpp"

#include "net/http_server.hpp"
#include "observe/metrics.hpp"
#include "runtime/actor_tree.hpp"

#include <algorithm>
#include <optional>

namespace troupe {

namespace {

constexpr int64_t last_bytes_ms = 2000;

} // namespace

class node::impl {
public:
  // Ends in reverse order: the server, whose I/O thread calls the door; the actors, which post to the
  // server's executor (dropped by then); the numbers that both count in.
  std::unique_ptr<metrics> numbers;
  std::unique_ptr<actor_tree> actors;
  std::unique_ptr<http_server> server;
  bool stopped = false;
};

node::node(std::unique_ptr<impl> made) : impl_(std::move(made)) {}

node::~node() {
  stop(0);
}

result<std::unique_ptr<node>> node::start(const settings& configuration, node_options options) {
  auto made = std::make_unique<impl>();
  const auto& clock = system_clock();
  made->numbers = std::make_unique<metrics>(served_name(configuration));
  post_function post;
  if (options.listen) {
    auto server = http_server::create(configuration, *made->numbers, clock);
    if (!server)
      return forward_error(server);
    made->server = std::move(*server);
    post = made->server->executor();
  }
  // What fails fast comes first: keys, then the model.
  auto model = load_model(configuration, options.progress);
  if (!model)
    return forward_error(model);
  auto actors = actor_tree::start(configuration, std::move(*model), *made->numbers, std::move(post), clock);
  if (!actors)
    return forward_error(actors);
  made->actors = std::move(*actors);
  if (made->server) {
    if (auto listening = made->server->listen(made->actors->door()); !listening)
      return forward_error(listening);
  }
  return std::unique_ptr<node>(new node(std::move(made)));
}

front_door& node::door() {
  return impl_->actors->door();
}

uint16_t node::port() const {
  return impl_->server ? impl_->server->port() : 0;
}

void node::stop(int64_t drain_ms) {
  if (impl_->stopped)
    return;
  impl_->stopped = true;
  impl_->actors->drain(drain_ms);
  // Every stream has its last event now; a slow reader gets a moment to take it.
  if (impl_->server)
    impl_->server->stop(milliseconds(std::min(drain_ms, last_bytes_ms)));
}

} // namespace troupe
