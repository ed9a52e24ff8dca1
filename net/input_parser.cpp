#include "net/input_parser.hpp"

#include "net/request_fields.hpp"

#include <fmt/format.h>

namespace troupe {

using simdjson::SUCCESS;

namespace {

constexpr size_t input_characters_max = 10'485'760; // of a string; point 10 of the specification
constexpr size_t item_id_bytes_max = 256;
constexpr size_t call_id_characters_max = 64;

void read_message(field_reader& fields, input_item& item) {
  const auto role = fields.string("role", 64);
  if (!role)
    fields.fail("role", "is missing: system, developer, user or assistant");
  else if (role != "system" && role != "developer" && role != "user" && role != "assistant")
    fields.fail("role", "must be one of: system, developer, user, assistant");
  fields.ignore({"type", "id", "status", "phase"}); // of an output item that the client sends back
  std::optional<std::string> text;
  if (!fields.failed())
    text = role == "assistant" ? read_content(fields, "content", {"output_text"})
                               : read_content(fields, "content", {"input_text"});
  fields.refuse_unknown();
  if (!fields.failed())
    item.message = {std::string(*role), std::move(*text)};
}

void read_reference(field_reader& fields, input_item& item) {
  fields.ignore({"type"});
  const auto id = fields.string("id", item_id_bytes_max);
  if (!id || id->empty())
    fields.fail("id", "is missing: a reference names an item of a stored response");
  fields.refuse_unknown();
  if (!fields.failed())
    item.reference = *id;
}

/// There is no reasoning in this release: its shape is checked, it says nothing to the model.
void check_reasoning(field_reader& fields) {
  const auto summary = fields.any("summary");
  if (!summary || !summary->is_array())
    fields.fail("summary", summary ? "must be a list" : "is missing: a list");
  fields.string("encrypted_content", text_bytes_max);
  fields.ignore({"type", "id", "status", "content"});
  fields.refuse_unknown();
}

/// No tools, so no calls: there is nothing that this could be the output of.
void refuse_call_output(field_reader& fields) {
  const auto call = fields.string("call_id", text_bytes_max);
  const auto characters = call ? character_count(*call) : 0;
  if (characters == 0 || characters > call_id_characters_max)
    fields.fail("call_id", "must have 1 to 64 characters");
  else
    fields.fail("call_id", "is of no function_call in this conversation");
}

/// Nothing: it is left out, or the fields have failed.
std::optional<input_item> read_item(field_reader& fields) {
  const auto type = fields.string("type", 64);
  input_item item;
  if (fields.failed())
    return {};
  if (type == "item_reference" || (!type && !fields.any("role"))) {
    read_reference(fields, item);
  } else if (type.value_or("message") == "message") {
    read_message(fields, item);
  } else if (type == "reasoning") {
    check_reasoning(fields);
    return {};
  } else if (type == "function_call_output") {
    refuse_call_output(fields);
  } else {
    fields.fail("type", "must be message, item_reference or reasoning: other items are not in this release",
                request_error::not_supported);
  }
  return fields.failed() ? std::nullopt : std::optional(std::move(item));
}

} // namespace

std::vector<input_item> read_input(field_reader& fields, bool continues) {
  std::vector<input_item> items;
  const auto value = fields.any("input");
  std::string_view text;
  simdjson::dom::array list;
  if (!value) {
    if (!continues)
      fields.fail("input", "is missing: a string or a list of items");
  } else if (value->get(text) == SUCCESS) {
    if (text.size() > input_characters_max && character_count(text) > input_characters_max)
      fields.fail("input", fmt::format("has more than {} characters", input_characters_max));
    items.push_back({{"user", std::string(text)}, {}, 0});
  } else if (value->get(list) != SUCCESS) {
    fields.fail("input", "must be a string or a list of items");
  } else {
    size_t index = 0;
    for (const auto element : list) {
      const auto path = fmt::format("input[{}]", index);
      simdjson::dom::object object;
      if (element.get(object) != SUCCESS) {
        fields.fail(path, "must be an object");
        return {};
      }
      field_reader reader(object, path + ".");
      auto item = read_item(reader);
      if (reader.failed()) {
        fields.fail(reader.problem());
        return {};
      }
      if (item) {
        item->index = index;
        items.push_back(std::move(*item));
      }
      ++index;
    }
    if (items.empty() && !continues)
      fields.fail("input", "must hold a message");
  }
  return items;
}

} // namespace troupe
