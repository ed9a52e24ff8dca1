#include "cli/batch/batch_call.hpp"

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

tl::expected<generation, api_error> open_batch_call(server_context& context, const batch_line& line,
                                                    const std::string& request_id,
                                                    std::function<void()> wake) {
  const auto where = find_route("POST", line.url).target;
  if (where != endpoint::chat_completions && where != endpoint::completions && where != endpoint::responses)
    return tl::unexpected(
        http_problem(404, "not_found", "a batch has no such url: " + line.url.substr(0, 128)));
  generation_asker asker{.owner = {}, .request_id = request_id, .make_stream = {}};
  asker.make_stream = [&](std::unique_ptr<event_encoder> encoder, size_t choices) {
    return std::make_shared<answer_stream>(std::move(encoder), wake,
                                           choices * static_cast<size_t>(context.config.unsent_bytes_max));
  };
  auto call = open_generation(context, where, line.body, asker);
  if (!call)
    return call;
  if (call->streaming)
    return refuse_field("stream", "a batch has no streams: leave stream out");
  if (call->background)
    return refuse_field("background", "all of a batch is in the background: leave background out");
  call->recorder = nullptr; // nobody asks for it again
  for (auto& choice : call->choices) {
    choice.resume = {};
    if (!choice.seed)
      choice.seed = hash_of(line.custom_id);
  }
  return call;
}

std::shared_ptr<stream_listener> listener_of(const generation& call) {
  return call.group ? std::static_pointer_cast<stream_listener>(call.group) : call.stream;
}

} // namespace troupe
