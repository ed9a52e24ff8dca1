#include "net/field_reader.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

using simdjson::SUCCESS;
using simdjson::dom::element_type;

namespace {

const char* type_name(element_type type) {
  switch (type) {
  case element_type::ARRAY:
    return "a list";
  case element_type::OBJECT:
    return "an object";
  case element_type::INT64:
  case element_type::UINT64:
  case element_type::DOUBLE:
    return "a number";
  case element_type::STRING:
    return "a string";
  case element_type::BOOL:
    return "a boolean";
  case element_type::NULL_VALUE:
    break;
  }
  return "null";
}

bool asks_for_nothing(const simdjson::dom::element& value) {
  switch (value.type()) {
  case element_type::ARRAY:
    return value.get_array().value_unsafe().begin() == value.get_array().value_unsafe().end();
  case element_type::OBJECT:
    return value.get_object().value_unsafe().begin() == value.get_object().value_unsafe().end();
  case element_type::INT64:
  case element_type::UINT64:
  case element_type::DOUBLE:
    return value.get_double().value_unsafe() == 0;
  case element_type::STRING:
    return value.get_string().value_unsafe().empty();
  case element_type::BOOL:
    return !value.get_bool().value_unsafe();
  case element_type::NULL_VALUE:
    break;
  }
  return true;
}

} // namespace

field_reader::field_reader(simdjson::dom::object object, std::string path) : path_(std::move(path)) {
  for (const auto item : object)
    fields_.push_back({item.key, item.value, false});
}

std::optional<simdjson::dom::element> field_reader::any(std::string_view name) {
  if (failed())
    return {};
  for (auto& one : fields_) {
    if (one.name != name)
      continue;
    one.used = true;
    if (one.value.is_null())
      return {};
    return one.value;
  }
  return {};
}

std::optional<double> field_reader::number(std::string_view name, double minimum, double maximum) {
  const auto value = any(name);
  if (!value)
    return {};
  double number = 0;
  if (value->get(number) != SUCCESS)
    fail(name, fmt::format("must be a number, not {}", type_name(value->type())));
  else if (!(number >= minimum && number <= maximum))
    fail(name, fmt::format("must be {} to {}, not {}", minimum, maximum, number));
  else
    return number;
  return {};
}

std::optional<int64_t> field_reader::integer(std::string_view name, int64_t minimum, int64_t maximum) {
  const auto value = any(name);
  if (!value)
    return {};
  int64_t number = 0;
  if (value->type() == element_type::UINT64)
    fail(name, fmt::format("must be {} to {}", minimum, maximum));
  else if (value->get(number) != SUCCESS)
    fail(name,
         fmt::format("must be a whole number, not {}",
                     value->is_double() ? "one with a point or an exponent" : type_name(value->type())));
  else if (number < minimum || number > maximum)
    fail(name, fmt::format("must be {} to {}, not {}", minimum, maximum, number));
  else
    return number;
  return {};
}

std::optional<uint64_t> field_reader::seed(std::string_view name) {
  const auto value = any(name);
  if (!value)
    return {};
  if (value->is_uint64())
    return value->get_uint64().value_unsafe();
  if (value->is_int64())
    return static_cast<uint64_t>(value->get_int64().value_unsafe());
  fail(name, fmt::format("must be a whole number of 64 bits, not {}",
                         value->is_double() ? "one with a point or an exponent" : type_name(value->type())));
  return {};
}

std::optional<bool> field_reader::boolean(std::string_view name) {
  const auto value = any(name);
  if (!value)
    return {};
  bool flag = false;
  if (value->get(flag) == SUCCESS)
    return flag;
  fail(name, fmt::format("must be true or false, not {}", type_name(value->type())));
  return {};
}

std::optional<std::string_view> field_reader::string(std::string_view name, size_t bytes_max) {
  const auto value = any(name);
  if (!value)
    return {};
  std::string_view text;
  if (value->get(text) != SUCCESS)
    fail(name, fmt::format("must be a string, not {}", type_name(value->type())));
  else if (text.size() > bytes_max)
    fail(name, fmt::format("has {} bytes: at most {} are allowed", text.size(), bytes_max));
  else
    return text;
  return {};
}

std::optional<std::string_view> field_reader::word(std::string_view name,
                                                   std::initializer_list<const char*> words) {
  const auto text = string(name, 256);
  if (!text)
    return {};
  if (std::find(words.begin(), words.end(), *text) != words.end())
    return text;
  fail(name, fmt::format("must be one of: {}", fmt::join(words, ", ")));
  return {};
}

void field_reader::ignore(std::initializer_list<const char*> names) {
  for (const char* name : names)
    any(name);
}

void field_reader::unsupported(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto value = any(name); value && !asks_for_nothing(*value))
      fail(name, "is not in this release: leave it out", request_error::not_supported);
}

void field_reader::refuse_unknown() {
  if (failed())
    return;
  for (const auto& one : fields_)
    if (!one.used)
      return fail(shown_name(one.name), "is not a known field: leave it out");
}

void field_reader::fail(std::string_view name, const std::string& message, request_error code) {
  if (failed())
    return;
  auto param = name.empty() ? path_.substr(0, path_.find_last_not_of('.') + 1) : full_name(name);
  problem_ = rejection{code, param.empty() ? message : param + " " + message, std::move(param), 0};
}

void field_reader::fail(rejection problem) {
  if (!failed())
    problem_ = std::move(problem);
}

} // namespace troupe
