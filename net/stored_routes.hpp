#pragma once

#include "net/http_answer.hpp"
#include "net/response_record.hpp"
#include "net/server_context.hpp"

#include <string>
#include <string_view>

/// What can be asked of a stored response without waiting: OpenAI's routes below /v1/responses/{id}.
namespace troupe {

/// 404 response_not_found, which says no more to those who may not know.
http_answer response_not_found();

/// The response object, of an answer in progress as it was at its begin.
http_answer retrieve_response(server_context&, std::string_view id, std::string_view owner);

/// In progress, it is cancelled first.
http_answer delete_response(server_context&, std::string_view id, std::string_view owner);

/// The request's own input: query parameters order (desc, asc), limit (1 to 100, 20) and after (an item's
/// id).
http_answer list_input_items(server_context&, std::string_view id, std::string_view owner,
                             std::string_view target);

/// Why POST .../cancel has nothing to cancel: 400; nothing if it has, or had.
std::optional<http_answer> refuse_cancel(const response_record&);

} // namespace troupe
