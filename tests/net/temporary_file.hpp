#pragma once

#include "base/ids.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace troupe::test {

/// A file with this content, gone at the end.
class temporary_file {
public:
  explicit temporary_file(const std::string& content)
      : path_((std::filesystem::temp_directory_path() / make_id("troupe_")).string()) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace troupe::test
