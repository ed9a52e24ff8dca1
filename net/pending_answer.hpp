#pragma once

#include "net/answer_stream.hpp"
#include "net/choice_group.hpp"
#include "net/response_recorder.hpp"
#include "net/server_context.hpp"

#include <memory>
#include <string>

namespace troupe {

/// Does what must be done with an answer that its connection leaves before the end, however it leaves: the
/// client went away, the server stops, or something threw.
class pending_answer {
public:
  enum class when_left {
    cancel, // nobody can come back for it
    detach, // the reader may come back
    go_on,  // it needs no reader
  };

  /// recorder: null where no record is kept.
  pending_answer(server_context& context, std::string response_id, std::shared_ptr<answer_stream> stream,
                 std::shared_ptr<response_recorder> recorder, when_left then)
      : context_(context), response_id_(std::move(response_id)), stream_(std::move(stream)),
        recorder_(std::move(recorder)), then_(then) {}

  /// Of several choices, which are cancelled when they are left.
  pending_answer(server_context& context, std::shared_ptr<answer_stream> stream,
                 std::shared_ptr<choice_group> group)
      : context_(context), stream_(std::move(stream)), group_(std::move(group)) {}
  pending_answer(const pending_answer&) = delete;
  pending_answer& operator=(const pending_answer&) = delete;

  ~pending_answer() {
    const bool over = stream_->over();
    stream_->detach();
    if (!over && context_.door)
      leave();
  }

  /// Who hears of the response.
  std::shared_ptr<stream_listener> listener() const {
    if (group_)
      return group_;
    return recorder_ ? std::static_pointer_cast<stream_listener>(recorder_) : stream_;
  }

  /// The client said that it is not interested any more.
  void cancel_when_left() { then_ = when_left::cancel; }

private:
  void leave() {
    if (group_)
      return group_->leave();
    if (then_ == when_left::detach)
      return context_.door->detach(response_id_, listener());
    if (recorder_ && (recorder_->accepted() || then_ == when_left::go_on)) {
      recorder_->release_reader(); // it hears of the end
      if (then_ == when_left::cancel)
        context_.door->stop(response_id_);
      return;
    }
    if (recorder_)
      recorder_->abandon();
    context_.door->cancel(response_id_);
  }

  server_context& context_;
  std::string response_id_;
  std::shared_ptr<answer_stream> stream_;
  std::shared_ptr<response_recorder> recorder_;
  std::shared_ptr<choice_group> group_;
  when_left then_ = when_left::cancel;
};

} // namespace troupe
