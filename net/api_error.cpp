#include "net/api_error.hpp"

#include "net/json_writer.hpp"

namespace troupe {

namespace {

int http_status(request_error code) {
  switch (code) {
  case request_error::invalid_value:
  case request_error::not_supported:
  case request_error::context_length_exceeded:
    return 400;
  case request_error::model_not_found:
  case request_error::response_not_found:
    return 404;
  case request_error::too_many_requests:
    return 429;
  case request_error::not_ready:
  case request_error::cancelled: // a client that still listens did not ask for it: the server is stopping
    return 503;
  case request_error::deadline_exceeded:
    return 504;
  case request_error::engine_failed:
  case request_error::request_quarantined:
  case request_error::internal:
    break;
  }
  return 500;
}

const char* error_type(int http_code) {
  if (http_code == 429)
    return "too_many_requests";
  return http_code < 500 ? "invalid_request_error" : "server_error";
}

void write_error(json_writer& json, const api_error& error) {
  json.key("error").begin_object();
  json.field("message", error.message).field("type", error.type);
  if (error.param.empty())
    json.field("param", nullptr);
  else
    json.field("param", error.param);
  if (error.code.empty())
    json.field("code", nullptr);
  else
    json.field("code", error.code);
  json.end_object();
}

} // namespace

std::string without_controls(std::string_view text) {
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\xff');
    const bool two_bytes = byte == 0xc2 && next < 0xa0; // U+0080 to U+009F
    shown += byte < 0x20 || byte == 0x7f || two_bytes ? '?' : text[i];
    i += two_bytes ? 1 : 0;
  }
  return shown;
}

api_error to_api_error(const rejection& refused) {
  api_error error;
  error.status = http_status(refused.code);
  error.type = error_type(error.status);
  error.code = to_string(refused.code);
  error.message = without_controls(refused.message);
  error.param = refused.param;
  error.retry_after_s = refused.retry_after_s;
  return error;
}

api_error to_api_error(const response_event& failed) {
  return to_api_error(rejection{failed.error, failed.error_message, {}, 0});
}

api_error http_problem(int http_code, std::string code, std::string message) {
  api_error error;
  error.status = http_code;
  error.type = error_type(http_code);
  error.code = std::move(code);
  error.message = std::move(message);
  return error;
}

std::string error_body(const api_error& error) {
  std::string body;
  json_writer json(body);
  json.begin_object();
  write_error(json, error);
  json.end_object();
  return body;
}

std::string error_envelope(const api_error& error) {
  std::string body;
  json_writer json(body);
  json.begin_object().field("type", "error").field("status", error.status);
  api_error coded = error;
  if (coded.code.empty())
    coded.code = coded.type; // the specification wants a string here
  write_error(json, coded);
  json.end_object();
  return body;
}

} // namespace troupe
