#pragma once

#include "net/answer_stream.hpp"
#include "net/server_context.hpp"

#include <memory>
#include <string>

namespace troupe {

/// Cancels a response that its door leaves before the end, however it leaves: the client went away, the
/// server stops, or something threw.
class pending_answer {
public:
  pending_answer(server_context& context, std::string response_id, std::shared_ptr<answer_stream> stream)
      : context_(context), response_id_(std::move(response_id)), stream_(std::move(stream)) {}
  pending_answer(const pending_answer&) = delete;
  pending_answer& operator=(const pending_answer&) = delete;

  ~pending_answer() {
    stream_->detach();
    if (!finished_ && context_.door)
      context_.door->cancel(response_id_);
  }

  void finish() { finished_ = true; }

private:
  server_context& context_;
  std::string response_id_;
  std::shared_ptr<answer_stream> stream_;
  bool finished_ = false;
};

} // namespace troupe
