#pragma once

#include "model/gguf_file.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

namespace troupe::test {

/// A file that deploy/fetch_test_models.sh fetches, which no set-up runs, or what a variable names. Nothing
/// where it is not there: then a test that needs it says so and ends.
inline std::optional<std::filesystem::path> find_other_model(const char* variable, const char* name) {
  if (const char* set = std::getenv(variable))
    return set;
  const auto path = std::filesystem::path("models") / name;
  if (std::filesystem::exists(path))
    return path;
  WARN(path.string() << " is not there: deploy/fetch_test_models.sh fetches it");
  return std::nullopt;
}

/// Gemma 3 270M.
inline std::optional<gguf_file> open_gemma() {
  const auto path = find_other_model("TROUPE_TEST_GEMMA", "gemma-3-270m.Q4_K_M.gguf");
  if (!path)
    return std::nullopt;
  auto file = gguf_file::open(*path);
  if (!file)
    throw std::runtime_error(file.error().what());
  return std::move(*file);
}

/// The first bytes of DeepSeek-R1-Distill-Qwen-7B, up to its weights, as a file without tensors: in memory.
inline std::optional<std::string> read_qwen_header() {
  const auto path = find_other_model("TROUPE_TEST_QWEN", "DeepSeek-R1-Distill-Qwen-7B.header");
  if (!path)
    return std::nullopt;
  std::ifstream input(*path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(input), {}};
  if (bytes.size() < 16)
    throw std::runtime_error(path->string() + " cannot be read");
  std::fill_n(bytes.begin() + 8, 8, '\0'); // the count of tensors
  return bytes;
}

} // namespace troupe::test
