#include "net/stored_routes.hpp"

#include "net/json_writer.hpp"
#include "net/router.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {

namespace {

constexpr int64_t page_items_max = 100;
constexpr int64_t page_items_default = 20;

http_answer invalid(std::string param, std::string message) {
  return http_answer::failure(
      to_api_error(rejection{request_error::invalid_value, std::move(message), std::move(param), 0}));
}

void write_item(json_writer& json, const response_record& record, size_t index) {
  const auto& [role, text] = record.input[index];
  json.begin_object().field("id", record.input_item_id(index)).field("type", "message");
  json.field("status", "completed").field("role", role).key("content").begin_array().begin_object();
  json.field("type", role == "assistant" ? "output_text" : "input_text").field("text", text);
  if (role == "assistant")
    json.key("annotations").begin_array().end_array();
  json.end_object().end_array().end_object();
}

/// Indices of `input` in the order of the list, from behind the item `after`.
struct item_page {
  std::vector<size_t> indices;
  bool has_more = false;
};

item_page page_of(const response_record& record, bool ascending, size_t limit, size_t skipped) {
  item_page page;
  const size_t count = record.input.size();
  for (size_t i = skipped; i < count && page.indices.size() < limit; ++i)
    page.indices.push_back(ascending ? i : count - 1 - i);
  page.has_more = skipped + page.indices.size() < count;
  return page;
}

} // namespace

http_answer response_not_found() {
  return http_answer::failure(to_api_error(rejection{
      request_error::response_not_found,
      "there is no stored response with this id and key: it was made with store: false, deleted, or "
      "has made room for others",
      "id", 0}));
}

http_answer retrieve_response(server_context& context, std::string_view id, std::string_view owner) {
  const auto record = context.store.find(id, owner);
  return record ? http_answer::json(record->object) : response_not_found();
}

http_answer delete_response(server_context& context, std::string_view id, std::string_view owner) {
  const auto record = context.store.find(id, owner);
  if (!record)
    return response_not_found();
  if (!record->ended())
    context.door->stop(id);
  context.store.erase(id, owner);
  std::string body;
  json_writer json(body);
  json.begin_object().field("id", id).field("object", "response").field("deleted", true).end_object();
  return http_answer::json(std::move(body));
}

http_answer list_input_items(server_context& context, std::string_view id, std::string_view owner,
                             std::string_view target) {
  const auto record = context.store.find(id, owner);
  if (!record)
    return response_not_found();
  const auto order = query_value(target, "order").value_or("desc");
  if (order != "asc" && order != "desc")
    return invalid("order", "order must be asc or desc");
  int64_t limit = page_items_default;
  if (const auto text = query_value(target, "limit")) {
    const auto read = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (read.ec != std::errc{} || read.ptr != text->data() + text->size() || limit < 1 ||
        limit > page_items_max)
      return invalid("limit", "limit must be 1 to 100");
  }
  size_t skipped = 0;
  if (const auto after = query_value(target, "after")) {
    const size_t count = record->input.size();
    size_t at = 0;
    while (at < count && record->input_item_id(at) != *after)
      ++at;
    if (at == count)
      return invalid("after", "after must be the id of an item of this list");
    skipped = order == "asc" ? at + 1 : count - at;
  }
  const auto page = page_of(*record, order == "asc", static_cast<size_t>(limit), skipped);
  std::string body;
  json_writer json(body);
  json.begin_object().field("object", "list").key("data").begin_array();
  for (const auto index : page.indices)
    write_item(json, *record, index);
  json.end_array();
  std::optional<std::string> first, last;
  if (!page.indices.empty()) {
    first = record->input_item_id(page.indices.front());
    last = record->input_item_id(page.indices.back());
  }
  json.field("first_id", first).field("last_id", last).field("has_more", page.has_more).end_object();
  return http_answer::json(std::move(body));
}

std::optional<http_answer> refuse_cancel(const response_record& record) {
  if (!record.background)
    return invalid("id", "only a response made with background: true can be cancelled: close the connection "
                         "of another, or DELETE it");
  if (record.ended() && record.state != response_record::phase::cancelled)
    return invalid("id", "the response has ended already: GET it");
  return {};
}

} // namespace troupe
