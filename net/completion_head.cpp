#include "net/completion_head.hpp"

#include "net/json_writer.hpp"

namespace troupe {

completion_head::completion_head(std::string_view prefix, std::string_view response_id) : id_(prefix) {
  id_ += response_id.starts_with("resp_") ? response_id.substr(5) : response_id;
}

void completion_head::accept(const accepted_response& accepted) {
  model_ = accepted.model;
  created_ = accepted.created_at;
}

void completion_head::write(json_writer& json, const char* object) const {
  json.field("id", id_).field("object", object).field("created", created_).field("model", model_);
}

std::string completion_head::usage_chunk(const char* object, const token_usage& usage) const {
  std::string out;
  json_writer json(out);
  json.begin_object();
  write(json, object);
  json.key("choices").begin_array().end_array();
  write_usage(json, usage);
  json.end_object();
  return out;
}

} // namespace troupe
