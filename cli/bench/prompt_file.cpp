#include "cli/bench/prompt_file.hpp"

#include "cli/errors.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <simdjson.h>

namespace troupe {

namespace {

constexpr uintmax_t file_bytes_max = uintmax_t{1} << 30;
constexpr size_t prompts_max = 1'000'000;
constexpr size_t bytes_of_a_token = 4; // of English, about

using simdjson::dom::element;
using simdjson::dom::object;

std::optional<planned_request> conversation(const object& entry) {
  simdjson::dom::array turns;
  if (entry["conversations"].get(turns) != simdjson::SUCCESS || turns.size() < 2)
    return {};
  std::string_view from[2], text[2];
  for (size_t i = 0; i < 2; ++i)
    if (turns.at(i)["from"].get(from[i]) != simdjson::SUCCESS ||
        turns.at(i)["value"].get(text[i]) != simdjson::SUCCESS)
      return {};
  const bool asks = from[0] == "human" || from[0] == "user";
  if (!asks || text[0].empty() || text[1].empty())
    return {};
  const auto tokens =
      std::clamp<size_t>(text[1].size() / bytes_of_a_token, 1, length_distribution::tokens_max);
  return planned_request{std::string(text[0]), static_cast<int32_t>(tokens)};
}

/// Nothing: a conversation without a question and an answer.
result<std::optional<planned_request>> read_entry(const element& entry) {
  const auto bad = [](const char* sentence) { return failure(cli_error::input, sentence); };
  object fields;
  if (entry.get(fields) != simdjson::SUCCESS)
    return bad("is not a JSON object");
  if (fields["conversations"].error() == simdjson::SUCCESS)
    return conversation(fields);
  planned_request out;
  std::string_view prompt;
  if (fields["prompt"].get(prompt) != simdjson::SUCCESS || prompt.empty())
    return bad("has no text as its prompt");
  out.prompt = prompt;
  if (element wanted; fields["max_tokens"].get(wanted) == simdjson::SUCCESS && !wanted.is_null()) {
    int64_t tokens = 0;
    if (wanted.get(tokens) != simdjson::SUCCESS || tokens < 1 || tokens > length_distribution::tokens_max)
      return bad("has a max_tokens that is not a number from 1 to 1048576");
    out.max_tokens = static_cast<int32_t>(tokens);
  }
  return std::optional(std::move(out));
}

} // namespace

result<std::vector<planned_request>> read_prompt_file(const std::string& path) {
  const auto fail = [&](std::string_view what) {
    return failure(cli_error::input, fmt::format("{} {}.", path, what));
  };
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(path, failed);
  if (failed)
    return fail("cannot be read: " + failed.message());
  if (bytes > file_bytes_max)
    return fail("is larger than 1 GiB");
  std::ifstream file(path, std::ios::binary);
  simdjson::dom::parser parser;
  std::vector<planned_request> out;
  const auto take = [&](const element& entry, std::string_view what, size_t number) -> status {
    auto read = read_entry(entry);
    if (!read)
      return fail(fmt::format(", {} {}, {}", what, number, read.error().message));
    if (*read && out.size() < prompts_max)
      out.push_back(std::move(**read));
    return {};
  };
  if (file.peek() == '[') {
    const std::string all((std::istreambuf_iterator<char>(file)), {});
    simdjson::dom::array entries;
    if (parser.parse(all).get(entries) != simdjson::SUCCESS)
      return fail("is not a JSON array");
    size_t number = 0;
    for (const element entry : entries)
      if (auto ok = take(entry, "entry", ++number); !ok)
        return forward_error(ok);
  } else {
    size_t number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos)
        continue;
      element entry;
      if (parser.parse(line).get(entry) != simdjson::SUCCESS)
        return fail(fmt::format(", line {}, is not JSON", number));
      if (auto ok = take(entry, "line", number); !ok)
        return forward_error(ok);
    }
  }
  if (file.bad())
    return fail("cannot be read to its end");
  if (out.empty())
    return fail("has no prompt in it");
  return out;
}

} // namespace troupe
