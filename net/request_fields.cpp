#include "net/request_fields.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

using simdjson::SUCCESS;

void read_scheduling(field_reader& fields, generation_request& request) {
  if (const auto value = fields.integer("priority", -priority_max, priority_max))
    request.priority = static_cast<int32_t>(*value);
  if (const auto value = fields.string("cache_salt", 512)) {
    if (value->empty())
      fields.fail("cache_salt", "must not be empty: leave it out");
    request.cache_salt = *value;
  }
}

namespace {

std::optional<std::string> read_part(field_reader& fields, const simdjson::dom::element& part,
                                     const std::string& path, std::initializer_list<const char*> types) {
  simdjson::dom::object object;
  if (part.get(object) != SUCCESS) {
    fields.fail(path, "must be an object with a type and a text");
    return {};
  }
  field_reader reader(object, fields.full_name(path) + ".");
  const auto type = reader.string("type", 64);
  if (!type)
    reader.fail("type", fmt::format("is missing: it must be {}", fmt::join(types, " or ")));
  else if (std::find(types.begin(), types.end(), *type) == types.end())
    reader.fail("type",
                fmt::format("must be {}: other parts are not in this release", fmt::join(types, " or ")),
                request_error::not_supported);
  const auto text = reader.string("text", text_bytes_max);
  if (!text)
    reader.fail("text", "is missing: a string");
  reader.ignore({"annotations", "logprobs"}); // of an answer that the client sends back
  reader.refuse_unknown();
  if (!reader.failed())
    return std::string(*text);
  fields.fail(reader.problem());
  return {};
}

} // namespace

std::optional<std::string> read_content(field_reader& fields, std::string_view name,
                                        std::initializer_list<const char*> part_types) {
  const auto value = fields.any(name);
  if (!value) {
    fields.fail(name, "is missing: a string or a list of text parts");
    return {};
  }
  std::string_view text;
  if (value->get(text) == SUCCESS)
    return std::string(text);
  simdjson::dom::array parts;
  if (value->get(parts) != SUCCESS) {
    fields.fail(name, "must be a string or a list of text parts");
    return {};
  }
  std::string joined;
  size_t index = 0;
  for (const auto part : parts) {
    const auto piece = read_part(fields, part, fmt::format("{}[{}]", name, index), part_types);
    if (!piece)
      return {};
    if (index++ > 0)
      joined += '\n';
    joined += *piece;
  }
  return joined;
}

std::vector<std::pair<std::string, std::string>> read_metadata(field_reader& fields) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto value = fields.any("metadata");
  simdjson::dom::object object;
  if (!value)
    return pairs;
  if (value->get(object) != SUCCESS) {
    fields.fail("metadata", "must be an object of strings");
    return pairs;
  }
  for (const auto [key, element] : object) {
    std::string_view text;
    if (element.get(text) != SUCCESS)
      fields.fail("metadata", "must be an object of strings");
    else if (character_count(key) > 64 || character_count(text) > 512)
      fields.fail("metadata", "has a key of more than 64 or a value of more than 512 characters: shorten it");
    else if (pairs.size() == 16)
      fields.fail("metadata", "has more than 16 pairs: send fewer");
    if (fields.failed())
      return {};
    pairs.emplace_back(key, text);
  }
  return pairs;
}

std::optional<std::string> read_short_text(field_reader& fields, const char* name) {
  const auto text = fields.string(name, 256);
  if (!text)
    return {};
  if (character_count(*text) > 64)
    fields.fail(name, "has more than 64 characters: shorten it");
  return std::string(*text);
}

void read_text_format(field_reader& fields, const char* name) {
  const auto value = fields.any(name);
  simdjson::dom::object object;
  if (!value)
    return;
  if (value->get(object) != SUCCESS)
    return fields.fail(name, R"(must be an object, {"type": "text"})");
  field_reader reader(object, fields.full_name(name) + ".");
  const auto type = reader.string("type", 64);
  if (!type)
    reader.fail("type", "is missing: it must be text");
  else if (*type != "text")
    reader.fail("type", "must be text: other formats are not in this release", request_error::not_supported);
  reader.refuse_unknown();
  if (reader.failed())
    fields.fail(reader.problem());
}

size_t character_count(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string template_role(std::string_view role) {
  return std::string(role == "developer" ? "system" : role);
}

} // namespace troupe
