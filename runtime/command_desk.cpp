#include "runtime/command_desk.hpp"

#include "supervision/engine_wire.hpp"

#include <caf/send.hpp>
#include <stdexcept>
#include <utility>

namespace troupe {

command_desk::command_desk(std::shared_ptr<frame_link> link, std::function<void()> stopped)
    : link_(std::move(link)), stopped_(std::move(stopped)) {}

void command_desk::open(const caf::actor& host) {
  const std::scoped_lock lock(mutex_);
  host_ = host;
  for (auto& each : std::exchange(kept_, {}))
    caf::anon_send(host_, engine_command{std::move(each)});
}

void command_desk::close() {
  const std::scoped_lock lock(mutex_);
  host_ = nullptr;
  over_ = true;
}

void command_desk::take(std::string_view bytes) {
  auto message = decode_to_engine(bytes);
  if (!message)
    throw std::runtime_error("the front sent something else");
  if (const auto* setup = std::get_if<engine_setup>(&*message)) {
    if (!std::exchange(set_up_, true))
      setup_.set_value(*setup);
    return;
  }
  const std::scoped_lock lock(mutex_);
  if (host_)
    caf::anon_send(host_, engine_command{std::move(*message)});
  else if (std::holds_alternative<engine_ping>(*message) && !over_)
    link_->send(encode(from_engine(engine_pong{})));
  else if (std::holds_alternative<engine_stop>(*message))
    stopped_();
  else if (!over_)
    kept_.push_back(std::move(*message)); // as many as the front has credit for
}

} // namespace troupe
