#include "net/completion_logprobs.hpp"

#include "base/utf8.hpp"
#include "net/json_writer.hpp"
#include "net/logprobs_json.hpp"
#include "net/request_fields.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace troupe {

namespace {

/// As OpenAI's API names a token that is not whole characters.
std::string shown_name_of(std::string_view bytes) {
  return is_utf8(bytes) ? std::string(bytes) : "bytes:" + shown_token(bytes);
}

/// The likeliest by name, and the chosen one; of two with one name the likelier.
void write_top(json_writer& json, const token_logprobs& one, int32_t top) {
  std::vector<std::string> names;
  const auto write = [&](const token_logprob& each) {
    auto name = shown_name_of(each.bytes);
    if (std::ranges::find(names, name) != names.end())
      return;
    json.key(name);
    write_logprob(json, each.logprob);
    names.push_back(std::move(name));
  };
  json.begin_object();
  for (size_t i = 0; i < one.top.size() && i < static_cast<size_t>(top); ++i)
    write(one.top[i]);
  write(one.chosen);
  json.end_object();
}

} // namespace

void completion_logprobs::begin(std::span<const token_logprobs> prompt, std::string_view text) {
  size_t characters = 0;
  for (const auto& one : prompt)
    characters += character_count(one.chosen.bytes);
  characters_ = static_cast<int64_t>(character_count(text)) - static_cast<int64_t>(characters);
}

int64_t completion_logprobs::next_offset(std::string_view bytes) {
  const bool inside = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0xc0) == 0x80;
  const auto offset = characters_ - (inside ? 1 : 0);
  characters_ += static_cast<int64_t>(character_count(bytes));
  return std::max<int64_t>(offset, 0);
}

void completion_logprobs::write(json_writer& json, std::span<const token_logprobs> prompt,
                                std::span<const token_logprobs> answer, int32_t top) {
  const std::array parts{prompt, answer};
  const auto list = [&](const char* name, const auto& entry) {
    json.key(name).begin_array();
    for (const auto& part : parts)
      for (const auto& one : part)
        entry(one);
    json.end_array();
  };
  json.begin_object();
  list("tokens", [&](const auto& one) { json.string(shown_name_of(one.chosen.bytes)); });
  list("token_logprobs", [&](const auto& one) {
    if (one.chosen.rank == 0)
      json.null();
    else
      write_logprob(json, one.chosen.logprob);
  });
  list("top_logprobs", [&](const auto& one) {
    if (one.chosen.rank == 0)
      json.null();
    else
      write_top(json, one, top);
  });
  list("text_offset", [&](const auto& one) { json.integer(next_offset(one.chosen.bytes)); });
  json.end_object();
}

} // namespace troupe
