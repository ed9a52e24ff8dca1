#include "cli/batch/batch_call.hpp"

#include "base/ids.hpp"
#include "net/chat_encoder.hpp"
#include "net/request_parser_chat.hpp"
#include "net/response_opening.hpp"
#include "net/responses_encoder.hpp"
#include "net/router.hpp"

namespace troupe {

namespace {

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

tl::unexpected<api_error> refuse_field(const char* field, const char* message) {
  auto problem = http_problem(400, "invalid_value", message);
  problem.param = field;
  return tl::unexpected(std::move(problem));
}

} // namespace

tl::expected<batch_call, api_error> open_batch_call(server_context& context, const batch_line& line,
                                                    const std::string& request_id,
                                                    std::function<void()> wake) {
  const auto refuse = [](const rejection& why) { return tl::unexpected(to_api_error(why)); };
  const auto no_stream = [] { return refuse_field("stream", "a batch has no streams: leave stream out"); };
  const auto where = find_route("POST", line.url);
  const auto body = context.json.parse(line.body);
  if (!body)
    return refuse(body.error());
  batch_call out;
  std::unique_ptr<event_encoder> encoder;
  if (where.target == endpoint::chat_completions) {
    auto chat = parse_chat_request(*body);
    if (!chat)
      return refuse(chat.error());
    if (chat->stream)
      return no_stream();
    out.request = std::move(chat->generation);
    out.request.response_id = make_id("resp_");
    encoder = std::make_unique<chat_encoder>(false, false);
  } else if (where.target == endpoint::responses) {
    auto response = parse_responses_request(*body, transport::http);
    if (!response)
      return refuse(response.error());
    if (response->stream)
      return no_stream();
    if (response->echo.background)
      return refuse_field("background", "all of a batch is in the background: leave background out");
    auto opening = open_response(context.store, std::move(*response), {{}, request_id, nullptr});
    if (!opening)
      return tl::unexpected(opening.error());
    out.request = std::move(opening->generation);
    out.request.resume = {}; // nobody comes back to it
    encoder = std::make_unique<responses_encoder>(std::move(opening->json), responses_encoder::form::body);
  } else {
    return tl::unexpected(
        http_problem(404, "not_found", "a batch has no such url: " + line.url.substr(0, 128)));
  }
  out.request.request_id = request_id;
  if (!out.request.seed)
    out.request.seed = hash_of(line.custom_id);
  out.stream = std::make_shared<answer_stream>(std::move(encoder), std::move(wake),
                                               static_cast<size_t>(context.config.unsent_bytes_max));
  return out;
}

} // namespace troupe
