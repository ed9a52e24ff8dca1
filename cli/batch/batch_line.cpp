#include "cli/batch/batch_line.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>

namespace troupe {

tl::expected<batch_line, batch_problem> parse_batch_line(simdjson::dom::parser& parser,
                                                         std::string_view text) {
  batch_line out;
  const auto refuse = [&](const char* code, std::string message) {
    return tl::unexpected(batch_problem{code, std::move(message), out.custom_id});
  };
  simdjson::dom::object fields;
  if (!is_utf8(text))
    return refuse("invalid_json", "the line is not UTF-8 text");
  if (const auto failed = parser.parse(text.data(), text.size()).get(fields))
    return refuse("invalid_json",
                  fmt::format("the line is not a JSON object: {}", simdjson::error_message(failed)));
  std::string_view id, method, url;
  if (fields["custom_id"].get(id) != simdjson::SUCCESS || id.empty() || id.size() > custom_id_bytes_max)
    return refuse("invalid_line",
                  fmt::format("custom_id must be a text of 1 to {} bytes", custom_id_bytes_max));
  out.custom_id = id;
  if (fields["method"].get(method) != simdjson::SUCCESS || method != "POST")
    return refuse("invalid_method", "method must be POST");
  if (fields["url"].get(url) != simdjson::SUCCESS || url.empty())
    return refuse("invalid_line", "url must be a path like /v1/chat/completions");
  simdjson::dom::object body;
  if (fields["body"].get(body) != simdjson::SUCCESS)
    return refuse("invalid_line", "body must be a JSON object");
  out.url = url;
  out.body = simdjson::to_string(body);
  return out;
}

} // namespace troupe
