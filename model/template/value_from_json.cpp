#include "model/template/unicode.hpp"
#include "model/template/value.hpp"

#include <limits>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

template_value convert_text(template_meter& meter, const std::string& bytes) {
  meter.text(bytes.size());
  if (!is_utf8(bytes))
    template_fail("a string of the input is not valid UTF-8");
  return marked_text(bytes, true);
}

template_value convert(template_meter& meter, const nlohmann::ordered_json& json, uint32_t depth) {
  using kind = nlohmann::ordered_json::value_t;
  if (depth > value_depth_max)
    template_over_limit("the input nests deeper than " + std::to_string(value_depth_max));
  meter.steps(1);
  switch (json.type()) {
  case kind::boolean:
    return json.get<bool>();
  case kind::number_integer:
    return json.get<int64_t>();
  case kind::number_unsigned:
    if (json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      template_fail("a whole number of the input does not fit 64 bits");
    return json.get<int64_t>();
  case kind::number_float:
    return json.get<double>();
  case kind::string:
    return convert_text(meter, json.get_ref<const std::string&>());
  case kind::array: {
    std::vector<template_value> items;
    items.reserve(json.size());
    for (const auto& item : json)
      items.push_back(convert(meter, item, depth + 1));
    return make_list(std::move(items));
  }
  case kind::object: {
    auto made = std::make_shared<template_dict>();
    for (const auto& [key, item] : json.items())
      made->set(convert_text(meter, key), convert(meter, item, depth + 1));
    return made;
  }
  default:
    return {};
  }
}

} // namespace

template_value value_from_json(template_meter& meter, const nlohmann::ordered_json& json) {
  return convert(meter, json, 0);
}

} // namespace troupe
