#pragma once

#include "base/result.hpp"
#include "cli/batch/batch_line.hpp"
#include "cli/batch/line_file.hpp"

#include <optional>
#include <string>
#include <unordered_map>

namespace troupe {

/// The requests of a batch, read twice: once to know that no two have one custom_id, once to run them.
class batch_input {
public:
  static constexpr size_t lines_max = 1'000'000;
  static constexpr size_t line_bytes_max = 16 << 20; // as server.body_bytes_max

  struct entry {
    int64_t number = 0; // of the line, from 1
    tl::expected<batch_line, batch_problem> request;
  };

  /// Errors: input (unreadable, more than lines_max, empty, or a custom_id that stands there twice).
  static result<batch_input> open(const std::string& path);

  /// Lines that are not blank.
  size_t size() const { return size_; }
  bool has(const std::string& custom_id) const { return ids_.contains(custom_id); }

  /// The next one in the file; nothing at its end. Errors: input.
  result<std::optional<entry>> next();

private:
  explicit batch_input(line_file file) : file_(std::move(file)) {}

  line_file file_;
  simdjson::dom::parser parser_;
  std::unordered_map<std::string, int64_t> ids_; // to the line's number
  size_t size_ = 0;
};

} // namespace troupe
