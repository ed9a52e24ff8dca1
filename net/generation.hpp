#pragma once

#include "net/answer_stream.hpp"
#include "net/api_error.hpp"
#include "net/choice_group.hpp"
#include "net/response_recorder.hpp"
#include "net/router.hpp"
#include "net/server_context.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// What a POST asks of the model, ready to be submitted.
struct generation {
  std::vector<generation_request> choices; // complete; one submission each, at least one
  std::shared_ptr<answer_stream> stream;
  std::shared_ptr<response_recorder> recorder; // null: nothing is stored
  std::shared_ptr<response_record> record;     // with a recorder
  std::shared_ptr<choice_group> group;         // null: there is one choice
  bool streaming = false;
  bool background = false;
};

/// Who asks, and how the answer's reader is made.
struct generation_asker {
  std::string owner;
  std::string request_id;
  std::function<std::shared_ptr<answer_stream>(std::unique_ptr<event_encoder>, size_t choices)> make_stream;
};

/// The body of a POST to one of the doors of the model. Errors: those of the door's parser and of
/// open_response(); each is counted.
tl::expected<generation, api_error> open_generation(server_context&, endpoint, std::string_view body,
                                                    const generation_asker&);

} // namespace troupe
