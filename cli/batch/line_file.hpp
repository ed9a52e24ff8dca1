#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace troupe {

/// Reads a file line by line, with a bound on each.
class line_file {
public:
  struct line {
    std::string text;      // without its end; empty if it was too long
    int64_t number = 0;    // from 1
    int64_t begin = 0;     // byte offset in the file
    bool complete = false; // it has a line end
    bool too_long = false;
  };

  /// Errors: input (not there, not a regular file).
  static result<line_file> open(const std::string& path, size_t line_bytes_max);

  /// Nothing at the end. Errors: input (a read failed).
  result<std::optional<line>> next();

  void rewind();

private:
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::unique_ptr<std::FILE, closer> file_;
  std::string path_;
  size_t line_bytes_max_ = 0;
  int64_t number_ = 0;
  int64_t offset_ = 0;
};

} // namespace troupe
