#include "supervision/engine_process.hpp"

#include "supervision/engine_wire.hpp"

#include <csignal>
#include <stdexcept>

namespace troupe {

engine_process::engine_process(const engine_program& program, uint64_t life, const engine_setup& setup)
    : life_(life) {
  auto ends = frame_link::pair();
  if (ends)
    link_ = std::make_unique<frame_link>(std::move(ends->first));
  thread_ = std::thread(
      [this, program, setup, theirs = ends ? std::move(ends->second) : file_descriptor()]() mutable {
        run(program, setup, std::move(theirs));
      });
}

engine_process::~engine_process() {
  forward_to([](const engine_event&) {});
  kill();
  thread_.join();
}

void engine_process::run(const engine_program& program, const engine_setup& setup, file_descriptor theirs) {
  if (!link_)
    return tell(process_end{.problem = "no file descriptor is left for a link to it"});
  {
    const std::scoped_lock lock(process_mutex_);
    if (killed_)
      return tell(process_end{.problem = "it was not wanted any more"});
    process_ = std::make_unique<child_process>(child_process::options{
        program.path,
        "troupe",
        program.arguments,
        {theirs.get(), program.settings_file->descriptor(), program.step_memory->descriptor()}});
  }
  theirs.reset(); // or we would not see its end
  send(setup);
  link_->run([this](std::string_view bytes) {
    auto message = decode_from_engine(bytes);
    if (!message)
      throw std::runtime_error("an engine's process sent something else");
    tell(std::move(*message));
  });
  // Without its link it is of no use, if it is still there.
  kill();
  std::unique_ptr<child_process> ended;
  {
    const std::scoped_lock lock(process_mutex_);
    ended = std::move(process_);
  }
  tell(ended->wait());
}

void engine_process::send(const to_engine& message) {
  if (link_)
    link_->send(encode(message));
}

void engine_process::kill() {
  const std::scoped_lock lock(process_mutex_);
  killed_ = true;
  if (process_)
    process_->kill(SIGKILL);
}

void engine_process::tell(std::variant<from_engine, process_end> what) {
  std::function<void(engine_event)> receiver;
  {
    const std::scoped_lock lock(events_mutex_);
    if (!receiver_) {
      events_.push_back({life_, std::move(what)});
      changed_.notify_all();
      return;
    }
    receiver = receiver_;
  }
  receiver({life_, std::move(what)});
}

std::optional<engine_event> engine_process::next(milliseconds limit) {
  std::unique_lock lock(events_mutex_);
  if (!changed_.wait_for(lock, limit, [this] { return !events_.empty(); }))
    return {};
  auto out = std::move(events_.front());
  events_.pop_front();
  return out;
}

void engine_process::forward_to(std::function<void(engine_event)> receiver) {
  // With the lock held, so that none overtakes those that wait.
  const std::scoped_lock lock(events_mutex_);
  receiver_ = std::move(receiver);
  for (auto& each : events_)
    receiver_(std::move(each));
  events_.clear();
}

} // namespace troupe
