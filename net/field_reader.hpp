#pragma once

#include "net/json_reader.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The fields of one JSON object, each asked for by name, type and bounds. The first problem is kept and
/// everything after it reads as absent. null counts as absent, as in OpenAI's API.
class field_reader {
public:
  using element = simdjson::dom::element;

  /// object: no name twice, see json_reader. path: put before the names in error messages, "messages[2].".
  explicit field_reader(simdjson::dom::object object, std::string path = {});

  std::optional<element> any(std::string_view name);
  std::optional<double> number(std::string_view name, double minimum, double maximum);
  std::optional<int64_t> integer(std::string_view name, int64_t minimum, int64_t maximum);
  std::optional<uint64_t>
  seed(std::string_view name); // any 64-bit number; a negative one in two's complement
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::string_view> string(std::string_view name, size_t bytes_max);

  /// A string that must be one of these.
  std::optional<std::string_view> word(std::string_view name, std::initializer_list<const char*> words);

  /// Known, of no effect here, not looked at.
  void ignore(std::initializer_list<const char*> names);

  /// Known, but not in this release: refused unless it asks for nothing: null, false, 0, "", [] or {}.
  void unsupported(std::initializer_list<const char*> names);

  /// Whatever nobody asked for is refused, by name.
  void refuse_unknown();

  /// Keeps the first one.
  void fail(std::string_view name, const std::string& message, request_error = request_error::invalid_value);
  void fail(rejection);
  bool failed() const { return problem_.has_value(); }
  const rejection& problem() const { return *problem_; }

  std::string full_name(std::string_view name) const { return path_ + std::string(name); }

private:
  struct field {
    std::string_view name;
    element value;
    bool used = false;
  };

  std::string path_;
  std::vector<field> fields_;
  std::optional<rejection> problem_;
};

} // namespace troupe
