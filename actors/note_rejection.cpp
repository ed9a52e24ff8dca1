#include "actors/note_rejection.hpp"

#include "observe/log.hpp"

namespace troupe {

void note_rejection(metrics& numbers, const std::string& request_id, const std::string& response_id,
                    const rejection& why) {
  numbers.requests_rejected_total.of(to_string(why.code)).Increment();
  log_event(log_level::info, "request_rejected",
            {{"request", request_id},
             {"response", response_id},
             {"code", to_string(why.code)},
             {"param", why.param},
             {"message", why.message}});
}

} // namespace troupe
