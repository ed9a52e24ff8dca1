#pragma once

#include "memory/page_chain.hpp"
#include "memory/page_directory.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe {

/// An empty folder, removed with all that is in it.
class temporary_folder {
public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-pages-XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Page `index` of a chain that is a function of the tenant.
inline page_identity make_identity(int32_t index, std::string_view tenant = "alice",
                                   uint64_t numeric_class = 7) {
  page_identity out;
  out.root = root_key(numeric_class, tenant, "");
  out.key = out.root;
  for (int32_t page = 0; page <= index; ++page) {
    for (int32_t i = 0; i < page_tokens; ++i)
      out.tokens[static_cast<size_t>(i)] = 1000 * page + i;
    out.parent = std::exchange(out.key, next_key(out.key, out.tokens));
  }
  return out;
}

inline std::vector<std::byte> make_page(uint32_t seed, size_t bytes) {
  std::mt19937 random(seed);
  std::vector<std::byte> out(bytes);
  for (auto& byte : out)
    byte = static_cast<std::byte>(random());
  return out;
}

/// A page directory in a folder, with everything that it reports. May be opened again and again.
struct directory_under_test {
  static constexpr size_t page_bytes = 500;

  manual_clock clock;
  std::map<std::string, int> counts;
  uint64_t shown_bytes = 0;
  std::vector<std::string> sentences; // of going off and coming back, "on: …" and "off: …"
  file_calls calls;
  uint64_t bytes_max = uint64_t{1} << 30;
  std::string path;
  uint64_t numeric_class = 7;
  std::unique_ptr<page_directory> directory;

  explicit directory_under_test(std::filesystem::path folder) : path(std::move(folder)) {
    clock.set_unix_seconds(std::time(nullptr)); // files carry the system's time
  }

  status open() {
    directory.reset();
    auto opened = page_directory::open(
        {.path = path,
         .bytes_max = bytes_max,
         .numeric_class = numeric_class,
         .clock = &clock,
         .calls = calls,
         .count = [this](directory_event event) { ++counts[std::string(to_string(event))]; },
         .resized = [this](uint64_t bytes) { shown_bytes = bytes; },
         .changed =
             [this](bool on, const std::string& sentence) {
               sentences.push_back((on ? "on: " : "off: ") + sentence);
             }});
    if (!opened)
      return forward_error(opened);
    directory = std::move(*opened);
    return {};
  }

  void scan_all() {
    while (directory->scan(3))
      ;
  }

  bool put(int32_t index) {
    return directory->put(make_identity(index), make_page(static_cast<uint32_t>(index), page_bytes));
  }

  /// Whether the page came back; it must then be the right one.
  bool get(int32_t index) {
    std::vector<std::byte> page(page_bytes);
    if (!directory->get(make_identity(index), page))
      return false;
    if (page != make_page(static_cast<uint32_t>(index), page_bytes))
      throw std::runtime_error("a wrong page");
    return true;
  }

  std::filesystem::path file_of(int32_t index) const {
    return std::filesystem::path(path) / page_file_name(make_identity(index).key);
  }
};

} // namespace troupe
