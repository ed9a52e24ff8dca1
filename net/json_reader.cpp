#include "net/json_reader.hpp"

#include "net/api_error.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace troupe {

namespace {

using simdjson::dom::element;

constexpr size_t capacity_min = 4096;
constexpr size_t capacity_kept = 256 * 1024; // a parser holds about ten times its capacity
constexpr size_t shown_name_max = 64;

rejection refusal(std::string message, std::string param = {}) {
  return {request_error::invalid_value, std::move(message), std::move(param), 0};
}

/// What is wrong, in words for people; the parser's own are about its parts.
std::string explain(simdjson::error_code code, std::string_view text) {
  switch (code) {
  case simdjson::EMPTY:
    return "the body is empty: send one JSON object";
  case simdjson::DEPTH_ERROR:
    return fmt::format("the body is nested deeper than {} levels: send a flatter one",
                       json_reader::depth_max);
  case simdjson::UTF8_ERROR:
    return "the body is not valid UTF-8: send JSON in that encoding";
  case simdjson::NUMBER_ERROR:
    return "the body is not valid JSON: a number is malformed, or larger than 64 bits can hold";
  case simdjson::STRING_ERROR:
    return "the body is not valid JSON: a string has an unknown escape or half a surrogate pair";
  case simdjson::UNESCAPED_CHARS:
    return "the body is not valid JSON: a control character in a string must be escaped";
  case simdjson::UNCLOSED_STRING:
    return "the body is not valid JSON: a string has no closing quote";
  case simdjson::T_ATOM_ERROR:
  case simdjson::F_ATOM_ERROR:
  case simdjson::N_ATOM_ERROR:
    return "the body is not valid JSON: a word other than true, false and null must be in quotes";
  case simdjson::MEMALLOC:
    return "there is no memory to parse a body of this size: send a smaller one";
  default:
    if (text.starts_with("\xef\xbb\xbf"))
      return "the body is not valid JSON: it must not begin with a byte order mark";
    return "the body is not valid JSON: a comma, colon, bracket or quote is missing or too many";
  }
}

/// Checks the names in objects, from the outside in.
class name_check {
public:
  std::optional<rejection> run(const element& value) {
    if (find(value))
      return {};
    const auto param = path_.starts_with('.') ? path_.substr(1) : path_;
    if (too_many_ > 0)
      return refusal(fmt::format("{} has more than {} fields: send fewer", param.empty() ? "the body" : param,
                                 too_many_),
                     param);
    return refusal(param + " is given twice: give it once", param);
  }

private:
  /// False: path_ leads to what is wrong.
  bool find(const element& value, size_t fields_max = json_reader::fields_max) {
    simdjson::dom::array items;
    if (value.get(items) == simdjson::SUCCESS) {
      size_t index = 0;
      for (const element item : items) {
        if (!find(item)) {
          path_.insert(0, fmt::format("[{}]", index));
          return false;
        }
        ++index;
      }
      return true;
    }
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS)
      return true;
    if (!names_differ(object, fields_max))
      return false;
    for (const auto field : object) {
      const bool biases = field.key == std::string_view("logit_bias");
      if (!find(field.value, biases ? json_reader::biases_max : json_reader::fields_max)) {
        path_.insert(0, "." + shown_name(field.key));
        return false;
      }
    }
    return true;
  }

  bool names_differ(simdjson::dom::object object, size_t fields_max) {
    names_.clear();
    for (const auto field : object) {
      if (names_.size() == fields_max) {
        too_many_ = fields_max;
        return false;
      }
      names_.push_back(field.key);
    }
    std::ranges::sort(names_);
    const auto twice = std::ranges::adjacent_find(names_);
    if (twice == names_.end())
      return true;
    path_ = "." + shown_name(*twice);
    return false;
  }

  std::vector<std::string_view> names_;
  std::string path_;
  size_t too_many_ = 0; // the bound that was passed
};

} // namespace

std::string shown_name(std::string_view name) {
  size_t end = std::min(name.size(), shown_name_max);
  while (end > 0 && end < name.size() && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80)
    --end;
  return without_controls(name.substr(0, end));
}

parsed<simdjson::dom::object> json_reader::parse(std::string_view text) {
  if (text.size() > bytes_max_)
    return tl::unexpected(
        refusal(fmt::format("the body has {} bytes: at most {} are allowed", text.size(), bytes_max_)));
  const bool oversized = parser_.capacity() > capacity_kept && text.size() <= capacity_kept;
  if (oversized)
    parser_ = simdjson::dom::parser();
  if (parser_.capacity() < text.size() || parser_.capacity() == 0) {
    const auto capacity = std::bit_ceil(std::max(text.size(), capacity_min));
    if (parser_.allocate(capacity, depth_max) != simdjson::SUCCESS)
      return tl::unexpected(refusal(explain(simdjson::MEMALLOC, text)));
  }
  element root;
  if (const auto code = parser_.parse(text.data(), text.size()).get(root); code != simdjson::SUCCESS)
    return tl::unexpected(refusal(explain(code, text)));
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS)
    return tl::unexpected(refusal("the body must be one JSON object"));
  if (auto wrong = name_check().run(root))
    return tl::unexpected(std::move(*wrong));
  return object;
}

} // namespace troupe
