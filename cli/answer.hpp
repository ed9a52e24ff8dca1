#pragma once

#include "actors/messages.hpp"
#include "cli/signal_watch.hpp"
#include "net/front_door.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace troupe {

enum class answer_end {
  completed,     // the model said that it is done
  cut,           // max_tokens or the context's end
  failed,        // an error after it had begun
  rejected,      // never begun
  stopped,       // by a signal
  output_closed, // the text found no taker
};

/// One answer, as a command sees it.
struct answer {
  answer_end end = answer_end::failed;
  std::string text;                              // what was written
  std::string problem;                           // failed, rejected: a sentence
  request_error error = request_error::internal; // failed, rejected
  accepted_response accepted;
  int32_t output_tokens = 0; // completed, cut
};

struct answer_options {
  std::function<bool(std::string_view delta)> write; // false: nobody reads any more
  signal_watch* stop = nullptr;                      // a signal here cancels
};

/// Submits a request under a fresh id, hands each piece of text on as it comes, and returns at the end.
/// Cancels what is no longer wanted, without waiting for the door to say so.
answer ask(front_door&, generation_request, const answer_options&);

} // namespace troupe
