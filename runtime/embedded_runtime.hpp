#pragma once

#include "actors/interfaces.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "net/front_door.hpp"
#include "runtime/loaded_model.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace troupe {

/// A model inside a host's own actor system: the supervised actors of a node, without sockets. Several may
/// live in one system. It ends no process, handles no signal and writes only to the log (observe/log.hpp,
/// set_log_sink). How to use it: docs/embedding.md.
class embedded_runtime {
public:
  /// The system must outlive the runtime and share its scheduler (runtime/runtime_config.hpp). Of the
  /// settings, those under [model], [engine] and [supervision] count; model_path must be set, and each is
  /// checked against its bounds. Errors: those of config and load_model, and no_room.
  static result<std::unique_ptr<embedded_runtime>> start(caf::actor_system& system, const settings&,
                                                         const load_progress& progress = {});

  /// The same over a model that is loaded already, which several runtimes may share.
  static result<std::unique_ptr<embedded_runtime>> start(caf::actor_system& system, const settings&,
                                                         loaded_model);

  /// stop(0), if that has not happened. Not on a thread of the actor system.
  ~embedded_runtime();

  /// For actors: takes `(generation_request, subscriber_actor)` and answers with an intake_reply; the
  /// subscriber then gets event_batch messages, and sends acknowledge_events here as it has used them (the
  /// ledger holds back what is more than unsent_bytes_max) or cancel_response. The handle outlives restarts
  /// of all that is behind it.
  front_actor actor() const;

  /// For code that is no actor: a listener is called on the runtime's own actor, one call at a time, and must
  /// not block.
  front_door& door();

  /// A request with a fresh id, and its clock starts now: one user's message, answered with the model's chat
  /// template.
  generation_request request(std::string user_message) const;

  /// A step ended lately (node_health).
  bool ready() const;

  /// The text format of Prometheus.
  std::string metrics_text();

  /// Lets answers in progress end, for at most drain_ms; then ends what is left with a `failed` event at the
  /// door and `ledger_lost` to actors, and all actors of the runtime with it. Send no new requests meanwhile.
  /// Takes at most 30 s more (where a step does not come back). Idempotent; not on a thread of the actor
  /// system. Afterwards only the destructor may be called.
  void stop(int64_t drain_ms);

  embedded_runtime(const embedded_runtime&) = delete;
  embedded_runtime& operator=(const embedded_runtime&) = delete;

private:
  class impl;
  explicit embedded_runtime(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
