#include "net/actor_bridge.hpp"

#include "actors/keep_quiet.hpp"
#include "actors/note_rejection.hpp"
#include "net/stream_registry.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <fmt/format.h>
#include <map>

namespace troupe {

namespace {

constexpr milliseconds intake_timeout{10'000};

/// Text that waits for intake, over all requests: more is refused at once (bridge → intake credit).
constexpr size_t waiting_bytes_max = 64 * 1024 * 1024;

/// From the bridge's callers, any thread, to its actor.
struct submit_command {
  generation_request request;
  std::shared_ptr<stream_listener> listener;
};

struct detach_command {
  std::string response_id;
  std::shared_ptr<stream_listener> listener;
};

struct attach_command {
  attach_reader reader;
  std::shared_ptr<stream_listener> listener;
};

/// End every stream with a typed error, in the ledger too.
struct end_streams_command {
  std::string reason;
};

size_t text_bytes_of(const generation_request& request) {
  size_t bytes = request.prompt.size();
  for (const auto& message : request.messages)
    bytes += message.role.size() + message.content.size();
  return bytes;
}

/// The actor behind the bridge. Its own callers reach it through an untyped handle with private messages; the
/// ledger and the front see a subscriber_actor.
using bridge_actor = subscriber_actor::extend<caf::reacts_to<submit_command>, caf::reacts_to<cancel_response>,
                                              caf::reacts_to<detach_command>, caf::reacts_to<attach_command>,
                                              caf::reacts_to<end_streams_command>>;

} // namespace

} // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::submit_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::detach_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::attach_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::end_streams_command)

namespace troupe {

namespace {

class bridge final : public bridge_actor::base {
public:
  bridge(caf::actor_config& config, front_actor front, post_function post, bridge_options options,
         std::shared_ptr<open_stream_count> open)
      : bridge_actor::base(config), front_(std::move(front)), post_(std::move(post)), options_(options),
        open_(std::move(open)) {}

  behavior_type make_behavior() override {
    keep_quiet(*this);
    monitor(front_);
    set_down_handler([this](const caf::down_msg&) { fail_all("the node is going down"); });
    set_exit_handler([this](caf::exit_msg& message) {
      fail_all("the node is going down");
      quit(message.reason);
    });
    return {
        [this](event_batch& batch) {
          std::vector<std::string> orphans;
          deliver(streams_.sort(std::move(batch), orphans));
          for (auto& id : orphans) // cancelled or given up while intake had it
            send(front_, cancel_response{std::move(id)});
        },
        [this](ledger_lost) { fail_all("the ledger was lost"); },
        [this](submit_command& command) {
          submit(std::move(command));
          --open_->on_the_way; // after note_open(): in between it counts twice, never not at all
        },
        [this](const cancel_response& cancel) {
          streams_.remove(cancel.response_id);
          send(front_, cancel);
          note_open();
        },
        [this](const detach_command& command) { detach(command); },
        [this](attach_command& command) { attach(std::move(command)); },
        [this](const end_streams_command& command) {
          for (const auto& ended : fail_all(command.reason))
            send(front_, cancel_response{ended});
        },
    };
  }

  void on_exit() override { front_ = nullptr; }

private:
  void submit(submit_command command) {
    const auto id = command.request.response_id, request_id = command.request.request_id;
    const auto bytes = text_bytes_of(command.request);
    auto listener = std::move(command.listener);
    if (waiting_ >= options_.submissions_max || waiting_bytes_ + bytes > waiting_bytes_max)
      return refuse(request_id, id, listener,
                    {request_error::too_many_requests,
                     fmt::format("{} requests wait to be tokenized: retry later", waiting_), "", 1});
    if (!streams_.add(id, listener))
      return refuse(request_id, id, listener,
                    {request_error::invalid_value, "a response with this id is in progress", "id", 0});
    ++waiting_;
    waiting_bytes_ += bytes;
    note_open();
    request(front_, intake_timeout, std::move(command.request), subscriber_actor(this))
        .then(
            [this, id, listener, bytes](intake_reply& reply) {
              answered(bytes);
              if (reply.rejected)
                return reject(id, listener, std::move(*reply.rejected));
              if (streams_.accept(id) == listener)
                post([listener, accepted = std::move(*reply.accepted)] { listener->on_accepted(accepted); });
            },
            [this, id, listener, bytes](caf::error&) {
              answered(bytes);
              reject(id, listener, {request_error::not_ready, "intake does not answer: retry", "", 1});
            });
  }

  void detach(const detach_command& command) {
    const auto& [id, listener] = command;
    if (auto found = attaching_.find(listener); found != attaching_.end()) {
      found->second.left = true;
    } else if (streams_.find(id) == listener) {
      for (auto& [next, coming] : attaching_)
        if (coming.response_id == id) { // to detach now would detach that one
          coming.before_left = true;
          return;
        }
      if (streams_.accepted(id))
        return send(front_, detach_reader{id});
      streams_.remove(id);
      send(front_, cancel_response{id});
      note_open();
    }
  }

  void attach(attach_command command) {
    auto listener = std::move(command.listener);
    if (attaching_.size() >= options_.submissions_max)
      return post([listener] {
        listener->on_rejected(
            {request_error::too_many_requests, "too many readers come back at once: retry later", "", 1});
      });
    const auto id = command.reader.response_id;
    attaching_.emplace(listener, coming_reader{id});
    const auto next = command.reader.starting_after + 1;
    request(front_, intake_timeout, std::move(command.reader), subscriber_actor(this))
        .then(
            [this, id, next, listener](intake_reply& reply) {
              const auto coming = attaching_.extract(listener).mapped();
              if (reply.rejected) {
                if (coming.before_left)
                  send(front_, detach_reader{id});
                return post([listener, why = std::move(*reply.rejected)] { listener->on_rejected(why); });
              }
              if (reply.accepted->read_already)
                return post(
                    [listener, accepted = std::move(*reply.accepted)] { listener->on_accepted(accepted); });
              if (auto before = streams_.take_over(id, listener, next); before && before != listener)
                post([before] { before->on_taken_over(); });
              note_open();
              post([listener, accepted = std::move(*reply.accepted)] { listener->on_accepted(accepted); });
              if (coming.left)
                send(front_, detach_reader{id});
            },
            [this, id, listener](caf::error&) {
              if (attaching_.extract(listener).mapped().before_left)
                send(front_, detach_reader{id});
              post([listener] {
                listener->on_rejected({request_error::not_ready, "the ledger does not answer: retry", "", 1});
              });
            });
  }

  void answered(size_t bytes) {
    --waiting_;
    waiting_bytes_ -= bytes;
  }

  /// A refusal by the bridge itself.
  void refuse(const std::string& request_id, const std::string& id,
              const std::shared_ptr<stream_listener>& listener, rejection why) {
    note_rejection(*options_.numbers, request_id, id, why);
    post([listener, why = std::move(why)] { listener->on_rejected(why); });
  }

  /// Unless it was cancelled meanwhile: then nobody listens.
  void reject(const std::string& id, const std::shared_ptr<stream_listener>& listener, rejection why) {
    if (streams_.find(id) != listener)
      return;
    streams_.remove(id);
    note_open();
    post([listener, why = std::move(why)] { listener->on_rejected(why); });
  }

  void note_open() { open_->streams = streams_.size(); }

  void deliver(std::vector<stream_registry::delivery> deliveries) {
    note_open();
    if (!deliveries.empty())
      post([deliveries = std::move(deliveries)] {
        for (const auto& each : deliveries)
          each.listener->on_events(each.events);
      });
  }

  /// Returns the ids of the streams that it ended.
  std::vector<std::string> fail_all(const std::string& why) {
    auto deliveries = streams_.fail_all(request_error::not_ready, why);
    std::vector<std::string> ids;
    for (const auto& each : deliveries)
      ids.push_back(each.events.front().response_id);
    deliver(std::move(deliveries));
    return ids;
  }

  void post(std::function<void()> call) {
    if (post_)
      post_(std::move(call));
    else
      call();
  }

  /// A reader for which the ledger was asked.
  struct coming_reader {
    std::string response_id;
    bool left = false;        // it went away before the ledger's answer
    bool before_left = false; // so did the one before it
  };

  front_actor front_;
  post_function post_;
  bridge_options options_;
  std::shared_ptr<open_stream_count> open_; // streams that have not ended, for the outside
  stream_registry streams_;
  std::map<std::shared_ptr<stream_listener>, coming_reader> attaching_;
  size_t waiting_ = 0; // requests that intake has not answered
  size_t waiting_bytes_ = 0;
};

} // namespace

actor_bridge::actor_bridge(caf::actor_system& system, front_actor front,
                           std::shared_ptr<const node_health> health, served_model model, post_function post,
                           bridge_options options, const time_source& clock)
    : front_(front), open_(std::make_shared<open_stream_count>()),
      subscriber_(caf::actor_cast<caf::actor>(system.spawn<bridge>(front, post, options, open_))),
      health_(std::move(health)), model_(std::move(model)), post_(std::move(post)), clock_(clock) {
  if (options.census)
    options.census->watch(subscriber_);
}

actor_bridge::~actor_bridge() {
  close();
}

void actor_bridge::close() {
  close_door();
  caf::anon_send_exit(subscriber_, caf::exit_reason::user_shutdown);
}

void actor_bridge::end_streams(std::string reason) {
  caf::anon_send(subscriber_, end_streams_command{std::move(reason)});
}

void actor_bridge::submit(generation_request request, std::shared_ptr<stream_listener> listener) {
  if (closed_) {
    auto refuse = [listener] {
      listener->on_rejected(
          {request_error::not_ready, "the server is shutting down: retry elsewhere", "", 5});
    };
    return post_ ? post_(refuse) : refuse();
  }
  request.arrived = clock_.now();
  ++open_->on_the_way;
  caf::anon_send(subscriber_, submit_command{std::move(request), std::move(listener)});
}

void actor_bridge::acknowledge(std::string_view response_id, int64_t sequence_number) {
  caf::anon_send(front_, acknowledge_events{std::string(response_id), sequence_number});
}

void actor_bridge::cancel(std::string_view response_id) {
  caf::anon_send(subscriber_, cancel_response{std::string(response_id)});
}

void actor_bridge::stop(std::string_view response_id) {
  caf::anon_send(front_, cancel_response{std::string(response_id)});
}

void actor_bridge::detach(std::string_view response_id, std::shared_ptr<stream_listener> listener) {
  caf::anon_send(subscriber_, detach_command{std::string(response_id), std::move(listener)});
}

void actor_bridge::attach(attach_reader reader, std::shared_ptr<stream_listener> listener) {
  caf::anon_send(subscriber_, attach_command{std::move(reader), std::move(listener)});
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
