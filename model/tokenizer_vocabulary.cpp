#include "model/tokenizer_vocabulary.hpp"

#include "base/utf8.hpp"
#include "model/byte_level.hpp"
#include "model/errors.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view tokens_key = "tokenizer.ggml.tokens";
constexpr std::string_view kinds_key = "tokenizer.ggml.token_type";

// Chat models end a turn with one of these even where the file names only the other one as eos.
constexpr std::string_view turn_ends[] = {
    "<|im_end|>", "<|endoftext|>",   "<|eot_id|>",    "<|eom_id|>", "<|end|>",
    "</s>",       "<|end_of_text|>", "<end_of_turn>", "<|eot|>",    "<｜end▁of▁sentence｜>"};

/// Kinds of all tokens; where the file has none, all are normal.
result<std::vector<token_kind>> read_kinds(const gguf_file& file, size_t count) {
  if (!file.has(kinds_key))
    return std::vector<token_kind>(count, token_kind::normal);
  const auto numbers = file.get_integers(kinds_key);
  if (!numbers)
    return forward_error(numbers);
  if (numbers->size() != count)
    return failure(model_error::bad_vocabulary,
                   fmt::format("{} has {} entries for {} tokens", kinds_key, numbers->size(), count));
  std::vector<token_kind> kinds;
  for (const auto number : *numbers) {
    if (number < 1 || number > 6)
      return failure(model_error::bad_vocabulary,
                     fmt::format("{} has {}, should be 1 to 6", kinds_key, number));
    kinds.push_back(static_cast<token_kind>(number));
  }
  return kinds;
}

/// Specials are looked for at every byte of a template's text, and templates compute with them as text.
status check_special(token_id token, std::string_view text) {
  if (text.size() > tokenizer_vocabulary::special_bytes_max || !is_utf8(text))
    return failure(model_error::bad_vocabulary,
                   fmt::format("the special token {} ({}) has {} bytes, should be UTF-8 of at most {}", token,
                               printable(text), text.size(), tokenizer_vocabulary::special_bytes_max));
  return {};
}

/// A special id, if the file has the key.
result<std::optional<token_id>> read_id(const gguf_file& file, std::string_view key, int32_t size) {
  if (!file.has(key))
    return std::optional<token_id>();
  const auto number = file.get_integer(key);
  if (!number)
    return forward_error(number);
  if (*number < 0 || *number >= size)
    return failure(model_error::bad_vocabulary,
                   fmt::format("{} is {}, should be 0 to {}", key, *number, size - 1));
  return std::optional<token_id>(static_cast<token_id>(*number));
}

} // namespace

void append_with_spaces(std::string_view text, std::string& out) {
  constexpr std::string_view mark = "\u2581";
  for (size_t at = 0; at < text.size();) {
    const auto found = text.find(mark, at);
    out.append(text, at, std::min(found, text.size()) - at);
    if (found == text.npos)
      return;
    out += ' ';
    at = found + mark.size();
  }
}

result<tokenizer_vocabulary> tokenizer_vocabulary::from_gguf(const gguf_file& file, token_alphabet alphabet) {
  const auto texts = file.get_strings(tokens_key);
  if (!texts)
    return forward_error(texts);
  if (texts->empty() || texts->size() > tokens_max)
    return failure(model_error::bad_vocabulary,
                   fmt::format("{} has {} tokens, should be 1 to {}", tokens_key, texts->size(), tokens_max));
  const auto kinds = read_kinds(file, texts->size());
  if (!kinds)
    return forward_error(kinds);
  tokenizer_vocabulary made;
  uint64_t bytes = 0;
  for (const auto text : *texts) {
    bytes += text.size();
    if (text.size() > token_bytes_max || bytes > UINT32_MAX)
      return failure(model_error::bad_vocabulary,
                     fmt::format("token {} has {} bytes; a token may have {}, all together 2^32", made.size(),
                                 text.size(), token_bytes_max));
    const auto kind = (*kinds)[made.kinds_.size()];
    if (kind == token_kind::control || kind == token_kind::user_defined)
      if (const auto checked = check_special(made.size(), text); !checked)
        return forward_error(checked);
    made.append(text, kind, alphabet);
  }
  if (const auto read = made.read_ids(file); !read)
    return forward_error(read);
  return made;
}

void tokenizer_vocabulary::append_piece(std::string_view text, token_kind kind) {
  if (kind == token_kind::byte && text.size() == 6 && text.starts_with("<0x") && text.back() == '>') {
    unsigned value = 0;
    const auto* end = text.data() + 5;
    if (std::from_chars(text.data() + 3, end, value, 16).ptr == end) {
      arena_ += static_cast<char>(value);
      return;
    }
  }
  if (kind == token_kind::control)
    arena_ += text;
  else
    append_with_spaces(text, arena_);
}

void tokenizer_vocabulary::append(std::string_view text, token_kind kind, token_alphabet alphabet) {
  // A normal token with a character outside the byte-level alphabet stands for its text, as in Hugging
  // Face's.
  if (alphabet == token_alphabet::sentencepiece)
    append_piece(text, kind);
  else if (kind != token_kind::normal || !append_byte_level(text, arena_))
    arena_ += text;
  begins_.push_back(static_cast<uint32_t>(arena_.size()));
  kinds_.push_back(kind);
}

status tokenizer_vocabulary::read_ids(const gguf_file& file) {
  std::optional<token_id> eot, eom;
  const std::pair<std::string_view, std::optional<token_id>*> ids[] = {
      {"tokenizer.ggml.bos_token_id", &bos},         {"tokenizer.ggml.eos_token_id", &eos},
      {"tokenizer.ggml.unknown_token_id", &unknown}, {"tokenizer.ggml.padding_token_id", &padding},
      {"tokenizer.ggml.eot_token_id", &eot},         {"tokenizer.ggml.eom_token_id", &eom}};
  for (const auto& [key, id] : ids) {
    const auto read = read_id(file, key, size());
    if (!read)
      return forward_error(read);
    *id = *read;
  }
  for (const auto& id : {bos, eos}) // the template's variables
    if (id && !is_utf8(bytes(*id)))
      return failure(model_error::bad_vocabulary,
                     fmt::format("token {} begins or ends texts, but is only a part of a character; convert "
                                 "the model again",
                                 *id));
  for (const auto& id : {eos, eot, eom})
    if (id)
      end_tokens.push_back(*id);
  for (token_id token = 0; token < size(); ++token)
    if (kind(token) == token_kind::control &&
        std::find(std::begin(turn_ends), std::end(turn_ends), bytes(token)) != std::end(turn_ends))
      end_tokens.push_back(token);
  std::sort(end_tokens.begin(), end_tokens.end());
  end_tokens.erase(std::unique(end_tokens.begin(), end_tokens.end()), end_tokens.end());
  return {};
}

std::string_view tokenizer_vocabulary::bytes(token_id token) const {
  if (token < 0 || token >= size())
    return {};
  return std::string_view(arena_).substr(begins_[token], begins_[token + 1] - begins_[token]);
}

token_kind tokenizer_vocabulary::kind(token_id token) const {
  return token < 0 || token >= size() ? token_kind::unused : kinds_[token];
}

} // namespace troupe
