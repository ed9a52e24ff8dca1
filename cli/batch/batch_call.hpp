#pragma once

#include "actors/messages.hpp"
#include "cli/batch/batch_line.hpp"
#include "net/answer_stream.hpp"
#include "net/api_error.hpp"
#include "net/server_context.hpp"

#include <functional>
#include <memory>

namespace troupe {

/// A request of a batch, ready to be submitted.
struct batch_call {
  generation_request request;
  std::shared_ptr<answer_stream> stream;
};

/// Reads the body as the server would read it at that URL. Where it gives no seed, the seed follows from its
/// custom_id: a run that was interrupted ends with the answers of one that was not.
/// Errors: what the server would answer; 400 for a stream, which has no place in a file.
tl::expected<batch_call, api_error> open_batch_call(server_context&, const batch_line&,
                                                    const std::string& request_id,
                                                    std::function<void()> wake);

} // namespace troupe
