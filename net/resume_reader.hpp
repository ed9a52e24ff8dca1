#pragma once

#include "net/pending_answer.hpp"

#include <memory>

namespace troupe {

/// A reader that comes back to a response.
struct resume_reader {
  std::shared_ptr<answer_stream> stream;
  std::shared_ptr<response_recorder> recorder; // null: the response is not stored
  pending_answer::when_left then = pending_answer::when_left::detach;
};

/// What front_door::attach needs for a stream of this response: the record of a stored one is kept on.
resume_reader make_resume_reader(server_context&, const attach_reader&, std::shared_ptr<answer_stream>);

} // namespace troupe
