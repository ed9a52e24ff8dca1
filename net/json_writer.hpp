#pragma once

#include <cstdint>
#include <optional>
#include <rapidjson/writer.h>
#include <string>
#include <string_view>

namespace troupe {

/// What RapidJSON needs of an output stream, over a string that it appends to.
class string_output {
public:
  using Ch = char;
  explicit string_output(std::string& target) : target_(target) {}
  void Put(char character) { target_.push_back(character); }
  void Flush() {}

private:
  std::string& target_;
};

/// Appends one JSON value to a string. Strings must be UTF-8: simdjson checked what came from a client, the
/// detokenizer sends whole characters.
class json_writer {
public:
  explicit json_writer(std::string& target) : output_(target), writer_(output_) {}

  json_writer& begin_object() { return writer_.StartObject(), *this; }
  json_writer& end_object() { return writer_.EndObject(), *this; }
  json_writer& begin_array() { return writer_.StartArray(), *this; }
  json_writer& end_array() { return writer_.EndArray(), *this; }
  json_writer& key(std::string_view name) { return writer_.Key(name.data(), length(name)), *this; }
  json_writer& null() { return writer_.Null(), *this; }
  json_writer& string(std::string_view text) { return writer_.String(text.data(), length(text)), *this; }
  json_writer& integer(int64_t number) { return writer_.Int64(number), *this; }
  json_writer& number(double value) { return writer_.Double(value), *this; } // finite
  json_writer& raw(std::string_view json) {                                  // one value, written elsewhere
    return writer_.RawValue(json.data(), json.size(), rapidjson::kObjectType), *this;
  }
  json_writer& boolean(bool value) { return writer_.Bool(value), *this; }

  json_writer& field(std::string_view name, std::string_view text) { return key(name).string(text); }
  json_writer& field(std::string_view name, const char* text) { return key(name).string(text); }
  json_writer& field(std::string_view name, int64_t number) { return key(name).integer(number); }
  json_writer& field(std::string_view name, int32_t number) { return key(name).integer(number); }
  json_writer& field(std::string_view name, double value) { return key(name).number(value); }
  json_writer& field(std::string_view name, bool value) { return key(name).boolean(value); }
  json_writer& field(std::string_view name, std::nullptr_t) { return key(name).null(); }
  template <class T>
  json_writer& field(std::string_view name, const std::optional<T>& value) {
    return value ? field(name, *value) : key(name).null();
  }

private:
  static rapidjson::SizeType length(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
  }

  string_output output_;
  rapidjson::Writer<string_output> writer_;
};

} // namespace troupe
