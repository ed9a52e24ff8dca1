#pragma once

#include "net/api_error.hpp"
#include "net/request_parser_responses.hpp"
#include "net/response_json.hpp"
#include "net/response_record.hpp"
#include "net/response_store.hpp"

#include <memory>
#include <string>

namespace troupe {

/// Who asks, and what only this connection knows.
struct response_asker {
  std::string owner;
  std::string request_id;
  std::shared_ptr<response_record> latest; // of the connection's last turn, stored or not; null: none
};

/// A response that is about to be submitted.
struct response_opening {
  generation_request generation; // complete
  response_json json;
  std::shared_ptr<response_record> record; // for whoever keeps it
  bool stream = false;
  bool store = false;
};

/// Gives it an id, resolves previous_response_id and item references, puts the conversation together
/// (instructions, the chain's input and output, the new input), and says how a reader may come back.
/// Errors: 400 previous_response_not_found, invalid_value.
tl::expected<response_opening, api_error> open_response(response_store&, responses_request,
                                                        const response_asker&);

} // namespace troupe
