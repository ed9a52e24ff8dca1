#pragma once

#include "cli/batch/batch_line.hpp"
#include "net/generation.hpp"

#include <functional>

namespace troupe {

/// Reads the body of a batch's line as the server would read it at that URL, ready to be submitted. Where it
/// gives no seed, the seed follows from its custom_id: a run that was interrupted ends with the answers of
/// one that was not. wake: called after each change of the stream. Errors: what the server would answer; 400
/// for a stream, which has no place in a file.
tl::expected<generation, api_error> open_batch_call(server_context&, const batch_line&,
                                                    const std::string& request_id,
                                                    std::function<void()> wake);

/// Who hears of its choices.
std::shared_ptr<stream_listener> listener_of(const generation&);

} // namespace troupe
