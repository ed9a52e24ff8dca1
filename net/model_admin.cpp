#include "net/model_admin.hpp"

#include "net/field_reader.hpp"
#include "net/json_writer.hpp"

namespace troupe {

namespace {

constexpr milliseconds wait_step{15'000}; // only a bound: the outcome wakes
constexpr size_t path_bytes_max = 4096;   // PATH_MAX
constexpr size_t name_bytes_max = 256;    // as model.served_model_name

http_answer answer_of(const tl::expected<served_model, rejection>& outcome, std::string_view done) {
  if (!outcome)
    return http_answer::failure(to_api_error(outcome.error()));
  std::string body;
  json_writer json(body);
  json.begin_object().field("id", outcome->id).field("object", "model").field(done, true);
  json.field("created", outcome->created).field("max_model_len", outcome->max_model_len).end_object();
  return http_answer::json(std::move(body));
}

/// Set by the front door, read by the coroutine that waits; both on the I/O thread.
using outcome_slot = std::shared_ptr<std::optional<tl::expected<served_model, rejection>>>;

} // namespace

std::optional<http_answer> refuse_administrator(const server_context& context, const http_request& request) {
  if (context.admin_keys.empty() && context.keys.empty())
    return {};
  if (context.admin_keys.empty())
    return http_answer::failure(http_problem(
        403, "admin_closed", "these routes need keys of their own: start the server with --admin-key-file"));
  if (context.admin_keys.allows(request.header("authorization")))
    return {};
  auto answer = http_answer::failure(
      http_problem(401, "invalid_api_key", "send a key of admin_key_file as Authorization: Bearer KEY"));
  answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  return answer;
}

awaitable<http_answer> administer_models(server_context& context, client_socket& socket, const route& target,
                                         const http_request& request) {
  auto slot = std::make_shared<outcome_slot::element_type>();
  auto done = [slot, weak = socket.weak_from_this()](tl::expected<served_model, rejection> outcome) {
    *slot = std::move(outcome);
    if (const auto waiting = weak.lock())
      waiting->wake();
  };
  const bool unload = target.target == endpoint::admin_model;
  if (unload) {
    context.door->unload(target.argument, std::move(done));
  } else {
    const auto body = context.json.parse(request.body);
    if (!body)
      co_return http_answer::failure(to_api_error(body.error()));
    field_reader fields(*body);
    const auto path = fields.string("path", path_bytes_max);
    const auto name = fields.string("name", name_bytes_max);
    fields.refuse_unknown();
    if (!path || path->empty())
      fields.fail("path", "must be the path of a GGUF file on the server");
    if (fields.failed())
      co_return http_answer::failure(to_api_error(fields.problem()));
    context.door->load(std::string(*path), std::string(name.value_or("")), std::move(done));
  }
  socket.watch();
  while (!*slot && !socket.gone())
    co_await socket.wait(wait_step);
  co_await socket.unwatch();
  if (!*slot) // nobody is there to read it
    co_return http_answer::failure(http_problem(500, "internal", "the client went away"));
  co_return answer_of(**slot, unload ? "unloaded" : "loaded");
}

} // namespace troupe
