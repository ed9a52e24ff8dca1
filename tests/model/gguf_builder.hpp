#pragma once

#include "model/gguf_file.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace troupe::test {

/// Writes a GGUF file's bytes one field at a time, right or wrong as the test wants them.
class gguf_builder {
public:
  template <class Number>
  gguf_builder& number(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  gguf_builder& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  gguf_builder& string(std::string_view text) { return number<uint64_t>(text.size()).raw(text); }

  gguf_builder& preamble(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    return raw("GGUF").number(version).number(tensors).number(keys);
  }
  gguf_builder& key(std::string_view name, gguf_type type) {
    return string(name).number(static_cast<uint32_t>(type));
  }
  gguf_builder& text(std::string_view name, std::string_view value) {
    return key(name, gguf_type::string).string(value);
  }
  gguf_builder& array(std::string_view name, gguf_type element, uint64_t count) {
    return key(name, gguf_type::array).number(static_cast<uint32_t>(element)).number(count);
  }
  gguf_builder& texts(std::string_view name, const std::vector<std::string>& values) {
    array(name, gguf_type::string, values.size());
    for (const auto& value : values)
      string(value);
    return *this;
  }
  gguf_builder& tensor(std::string_view name, const std::vector<uint64_t>& shape, uint32_t type,
                       uint64_t offset) {
    string(name).number(static_cast<uint32_t>(shape.size()));
    for (const auto extent : shape)
      number(extent);
    return number(type).number(offset);
  }
  gguf_builder& pad(size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment, '\0');
    return *this;
  }
  const std::string& bytes() const { return bytes_; }
  result<gguf_header> parse() const { return parse_gguf(std::as_bytes(std::span(bytes_))); }

private:
  std::string bytes_;
};

/// A file that is gone when the test ends.
class temporary_file {
public:
  explicit temporary_file(std::string_view bytes) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("troupe_gguf_" + std::to_string(::getpid()) + "_" + std::to_string(count++) + ".gguf");
    write(bytes);
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  void write(std::string_view bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// The default model's path; a missing file fails the test with what to do.
inline std::filesystem::path default_model() {
  const char* set = std::getenv("TROUPE_TEST_MODEL");
  const std::filesystem::path path = set ? set : "models/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(path))
    throw std::runtime_error(path.string() + " is missing: run deploy/fetch_model.sh");
  return path;
}

} // namespace troupe::test
