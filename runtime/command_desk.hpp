#pragma once

#include "supervision/engine_host.hpp"
#include "supervision/engine_messages.hpp"
#include "supervision/frame_link.hpp"

#include <caf/actor.hpp>

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace troupe {

/// Takes the front's commands on the link's thread in an engine's own process. Until the engine is there it
/// answers pings by itself and keeps what is meant for the engine: that may be told of the engine's start
/// sooner than this desk.
class command_desk {
public:
  /// stopped: called on engine_stop while there is no engine that would have to end in order.
  command_desk(std::shared_ptr<frame_link> link, std::function<void()> stopped);

  /// The front's first message. Once.
  std::future<engine_setup> setup() { return setup_.get_future(); }

  /// From now on `host`, an engine_host, gets the commands, those kept first.
  void open(const caf::actor& host);

  /// The engine has ended. Pings are not answered any more: should a thread of it hold up this process's end,
  /// the front hears nothing, and ends it.
  void close();

  /// Throws runtime_error if these bytes are no command.
  void take(std::string_view bytes);

private:
  std::shared_ptr<frame_link> link_;
  std::function<void()> stopped_;
  std::promise<engine_setup> setup_;
  bool set_up_ = false;
  std::mutex mutex_;
  caf::actor host_; // null: the engine is not there
  bool over_ = false;
  std::vector<to_engine> kept_;
};

} // namespace troupe
