#pragma once

#include "actors/messages.hpp"
#include "observe/metrics.hpp"

namespace troupe {

/// Counts and logs a refusal, by whoever refuses.
void note_rejection(metrics& numbers, const std::string& request_id, const std::string& response_id,
                    const rejection& why);

} // namespace troupe
