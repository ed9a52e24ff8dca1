#include "net/actor_bridge.hpp"

#include "net/stream_registry.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace troupe {

namespace {

constexpr milliseconds intake_timeout{10'000};

/// From the bridge's callers, any thread, to its actor.
struct submit_command {
  generation_request request;
  std::shared_ptr<stream_listener> listener;
};

/// The actor behind the bridge. Its own callers reach it through an untyped handle with private messages; the
/// ledger and the front see a subscriber_actor.
using bridge_actor =
    subscriber_actor::extend<caf::reacts_to<submit_command>, caf::reacts_to<cancel_response>>;

} // namespace

} // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::submit_command)

namespace troupe {

namespace {

class bridge final : public bridge_actor::base {
public:
  bridge(caf::actor_config& config, front_actor front, post_function post)
      : bridge_actor::base(config), front_(std::move(front)), post_(std::move(post)) {}

  behavior_type make_behavior() override {
    monitor(front_);
    set_down_handler([this](const caf::down_msg&) { fail_all("the node is going down"); });
    return {
        [this](event_batch& batch) { deliver(streams_.sort(std::move(batch))); },
        [this](ledger_lost) { fail_all("the ledger was lost"); },
        [this](submit_command& command) { submit(std::move(command)); },
        [this](const cancel_response& cancel) {
          streams_.remove(cancel.response_id);
          send(front_, cancel);
        },
    };
  }

  void on_exit() override { front_ = nullptr; }

private:
  void submit(submit_command command) {
    const auto id = command.request.response_id;
    auto listener = std::move(command.listener);
    if (!streams_.add(id, listener))
      return reject(id, listener,
                    {request_error::invalid_value, "a response with this id is in progress", "id", 0});
    request(front_, intake_timeout, std::move(command.request), subscriber_actor(this))
        .then(
            [this, id, listener](intake_reply& reply) {
              if (reply.rejected)
                reject(id, listener, std::move(*reply.rejected));
              else
                post([listener, accepted = std::move(*reply.accepted)] { listener->on_accepted(accepted); });
            },
            [this, id, listener](caf::error&) {
              reject(id, listener, {request_error::not_ready, "intake does not answer: retry", "", 1});
            });
  }

  void reject(const std::string& id, const std::shared_ptr<stream_listener>& listener, rejection why) {
    if (streams_.find(id) == listener)
      streams_.remove(id);
    post([listener, why = std::move(why)] { listener->on_rejected(why); });
  }

  void deliver(std::vector<stream_registry::delivery> deliveries) {
    if (!deliveries.empty())
      post([deliveries = std::move(deliveries)] {
        for (const auto& each : deliveries)
          each.listener->on_events(each.events);
      });
  }

  void fail_all(const std::string& why) { deliver(streams_.fail_all(request_error::internal, why)); }

  void post(std::function<void()> call) {
    if (post_)
      post_(std::move(call));
    else
      call();
  }

  front_actor front_;
  post_function post_;
  stream_registry streams_;
};

} // namespace

actor_bridge::actor_bridge(caf::actor_system& system, front_actor front,
                           std::shared_ptr<const node_health> health, served_model model, post_function post,
                           const time_source& clock)
    : front_(front), subscriber_(caf::actor_cast<caf::actor>(system.spawn<bridge>(front, post))),
      health_(std::move(health)), model_(std::move(model)), post_(std::move(post)), clock_(clock) {}

actor_bridge::~actor_bridge() {
  caf::anon_send_exit(subscriber_, caf::exit_reason::user_shutdown);
}

void actor_bridge::submit(generation_request request, std::shared_ptr<stream_listener> listener) {
  if (closed_) {
    auto refuse = [listener] {
      listener->on_rejected(
          {request_error::not_ready, "the server is shutting down: retry elsewhere", "", 5});
    };
    return post_ ? post_(refuse) : refuse();
  }
  caf::anon_send(subscriber_, submit_command{std::move(request), std::move(listener)});
}

void actor_bridge::acknowledge(std::string_view response_id, int64_t sequence_number) {
  caf::anon_send(front_, acknowledge_events{std::string(response_id), sequence_number});
}

void actor_bridge::cancel(std::string_view response_id) {
  caf::anon_send(subscriber_, cancel_response{std::string(response_id)});
}

void actor_bridge::inject(const inject_fault& fault) {
  caf::anon_send(front_, fault);
}

void actor_bridge::close_door() {
  closed_ = true;
}

node_status actor_bridge::status() const {
  if (closed_)
    return {.live = true, .ready = false, .reason = "the server is shutting down"};
  if (health_->unavailable())
    return {.live = true, .ready = false, .reason = "the engine failed and was given up"};
  if (!health_->ready(clock_.now()))
    return {.live = true, .ready = false, .reason = "no step ended lately"};
  return {.live = true, .ready = true, .reason = {}};
}

} // namespace troupe
