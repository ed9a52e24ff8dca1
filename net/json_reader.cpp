#include "net/json_reader.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr size_t capacity_min = 4096;
constexpr size_t capacity_kept = 256 * 1024; // a parser holds about ten times its capacity

tl::unexpected<rejection> refuse(std::string message) {
  return tl::unexpected(rejection{request_error::invalid_value, std::move(message), {}, 0});
}

} // namespace

parsed<simdjson::dom::object> json_reader::parse(std::string_view text) {
  if (text.size() > bytes_max_)
    return refuse(fmt::format("the body has {} bytes, more than {}", text.size(), bytes_max_));
  const bool oversized = parser_.capacity() > capacity_kept && text.size() <= capacity_kept;
  if (oversized)
    parser_ = simdjson::dom::parser();
  if (parser_.capacity() < text.size() || parser_.capacity() == 0) {
    const auto capacity = std::bit_ceil(std::max(text.size(), capacity_min));
    if (parser_.allocate(capacity, depth_max) != simdjson::SUCCESS)
      return refuse("no memory to parse a body of this size");
  }
  simdjson::dom::element root;
  if (const auto code = parser_.parse(text.data(), text.size()).get(root); code != simdjson::SUCCESS) {
    if (code == simdjson::DEPTH_ERROR)
      return refuse(fmt::format("the body is not acceptable JSON: nested deeper than {} levels", depth_max));
    return refuse(fmt::format("the body is not valid JSON: {}", simdjson::error_message(code)));
  }
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS)
    return refuse("the body must be a JSON object");
  return object;
}

} // namespace troupe
