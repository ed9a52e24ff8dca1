#pragma once

#include "actors/interfaces.hpp"
#include "actors/node_health.hpp"
#include "net/front_door.hpp"
#include "observe/metrics.hpp"
#include "supervision/actor_census.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace troupe {

/// Runs a function on the thread where listeners live; for a server, its I/O thread.
using post_function = std::function<void(std::function<void()>)>;

struct bridge_options {
  size_t submissions_max = 256;         // requests on their way through intake; more get 429 at once
  metrics* numbers = nullptr;           // must outlive the bridge
  std::shared_ptr<actor_census> census; // counts the bridge's actor; may be null
};

/// Streams that have not ended: submitted and not seen by the bridge's actor yet, and known to it.
struct open_stream_count {
  std::atomic<size_t> on_the_way{0};
  std::atomic<size_t> streams{0};
};

/// The front door over the actors: one subscriber actor for all responses of this process.
class actor_bridge final : public front_door {
public:
  /// post may be empty: listeners are then called on the bridge's own actor, one call at a time.
  /// clock must outlive the bridge.
  actor_bridge(caf::actor_system& system, front_actor front, std::shared_ptr<const node_health> health,
               served_model model, post_function post, bridge_options options, const time_source& clock);
  ~actor_bridge() override;

  void submit(generation_request request, std::shared_ptr<stream_listener> listener) override;
  void acknowledge(std::string_view response_id, int64_t sequence_number) override;
  void cancel(std::string_view response_id) override;
  void stop(std::string_view response_id) override;
  void detach(std::string_view response_id, std::shared_ptr<stream_listener> listener) override;
  void attach(attach_reader reader, std::shared_ptr<stream_listener> listener) override;
  node_status status() const override;
  std::vector<served_model> models() const override { return {model_}; }
  void inject(const inject_fault& fault) override;

  /// No more submissions are taken: they are rejected with not_ready.
  void close_door();

  /// Ends what is in progress with a `failed` event each.
  void end_streams(std::string reason);

  /// Ends the streams and the bridge's actor. Calls from listeners are safe until the bridge is destroyed.
  void close();

  /// Streams that have not ended, those on their way to the ledger included.
  size_t open_streams() const { return open_->on_the_way + open_->streams; }

private:
  front_actor front_;
  std::shared_ptr<open_stream_count> open_;
  caf::actor subscriber_;
  std::shared_ptr<const node_health> health_;
  served_model model_;
  post_function post_;
  const time_source& clock_;
  std::atomic<bool> closed_{false};
};

} // namespace troupe
