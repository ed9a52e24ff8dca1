#pragma once

#include "actors/interfaces.hpp"
#include "observe/metrics.hpp"
#include "supervision/engine_messages.hpp"
#include "supervision/engine_supervisor.hpp"
#include "supervision/frame_link.hpp"

#include <functional>
#include <memory>

namespace troupe {

/// A message of the front's, from the link's thread.
struct engine_command {
  to_engine message;
};

} // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::engine_command)

namespace troupe {

/// Where the engine of this process reports. Credit of a command: the front's, as to an engine_actor.
using engine_host_actor =
    report_actor::extend<caf::reacts_to<engine_command>, caf::reacts_to<tick>>; // from itself: counts

struct engine_host_options {
  engine_options engine;
  std::shared_ptr<frame_link> link;
  std::function<void()> closing; // the engine is going to end in good order; may be empty
  std::function<void()> ended;   // called once, last; may be empty
};

/// Stands in an engine's own process for the ledger and all that is in the front: supervises the engine,
/// passes on what it says, and answers for it. It ends with its engine.
class engine_host final : public engine_host_actor::base {
public:
  /// numbers must outlive the actor.
  engine_host(caf::actor_config& config, engine_host_options options, metrics& numbers);

  behavior_type make_behavior() override;
  void on_exit() override;

private:
  void tell(const from_engine& message);
  void obey(const engine_setup&) {}
  void obey(const engine_ping&) { tell(engine_pong{}); }
  void obey(const engine_stop&);
  void obey(const health_probe& probe);
  template <class Message>
  void obey(const Message& message) {
    send(engine_, message);
  }
  void tell_counts();

  engine_host_options options_;
  metrics& numbers_;
  engine_actor engine_;
  bool stopping_ = false;
  std::vector<double> told_counts_;
};

} // namespace troupe
