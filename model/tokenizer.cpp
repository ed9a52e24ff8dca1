#include "model/tokenizer.hpp"

#include "base/check.hpp"
#include "base/utf8.hpp"
#include "model/errors.hpp"
#include "model/tokenizer_merges.hpp"
#include "model/utf8_repair.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <utf8proc.h>

namespace troupe {

struct tokenizer::run_state {
  std::string repaired;
  std::vector<token_id> symbols;
  bpe_merges::scratch scratch;
  piece_merges::scratch pieces;
};

namespace {

constexpr size_t text_bytes_end = size_t{1} << 31; // positions inside a word are int32

/// Unicode normalization form C. `text` is well formed. Out of memory: the text as it is.
std::string normalized(std::string_view text) {
  utf8proc_uint8_t* made = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &made,
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> freed(made, &std::free);
  return size < 0 ? std::string(text)
                  : std::string(reinterpret_cast<const char*>(made), static_cast<size_t>(size));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace

result<std::shared_ptr<tokenizer>> tokenizer::read_byte_level(const gguf_file& file) {
  const auto pre = file.get_string("tokenizer.ggml.pre");
  if (!pre)
    return forward_error(pre);
  auto splitter = pre_tokenizer::named(printable(*pre));
  if (!splitter)
    return forward_error(splitter);
  auto vocabulary = tokenizer_vocabulary::from_gguf(file);
  if (!vocabulary)
    return forward_error(vocabulary);
  auto merges = read_merges(file);
  if (!merges)
    return forward_error(merges);
  const std::shared_ptr<tokenizer> made(
      new tokenizer(std::move(*vocabulary), std::move(*splitter), std::move(merges->merges)));
  made->byte_tokens_ = merges->byte_tokens;
  return made;
}

result<std::shared_ptr<tokenizer>> tokenizer::read_pieces(const gguf_file& file) {
  auto vocabulary = tokenizer_vocabulary::from_gguf(file, token_alphabet::sentencepiece);
  if (!vocabulary)
    return forward_error(vocabulary);
  const auto scores = file.get_floats("tokenizer.ggml.scores");
  if (!scores)
    return forward_error(scores);
  if (scores->size() != static_cast<size_t>(vocabulary->size()))
    return failure(model_error::bad_vocabulary,
                   fmt::format("tokenizer.ggml.scores has {} entries for {} tokens", scores->size(),
                               vocabulary->size()));
  const std::shared_ptr<tokenizer> made(
      new tokenizer(std::move(*vocabulary), pre_tokenizer::whole(), bpe_merges(0)));
  made->add_bos_ = made->space_prefix_ = true; // where the file does not say
  if (file.has("tokenizer.ggml.add_space_prefix")) {
    const auto prefix = file.get_bool("tokenizer.ggml.add_space_prefix");
    if (!prefix)
      return forward_error(prefix);
    made->space_prefix_ = *prefix;
  }
  auto& pieces = made->pieces_.emplace();
  for (token_id token = 0; token < made->vocabulary(); ++token) {
    const auto kind = made->vocabulary_.kind(token);
    const auto text = made->token_bytes(token);
    if (kind == token_kind::normal)
      pieces.add_piece(text, token, static_cast<float>((*scores)[static_cast<size_t>(token)]));
    else if (kind == token_kind::byte && text.size() == 1)
      pieces.add_byte(static_cast<uint8_t>(text[0]), token);
    else if (kind == token_kind::user_defined)
      made->user_defined_.add(text, token);
  }
  if (made->unknown())
    pieces.unknown(*made->unknown());
  return made;
}

result<std::shared_ptr<const tokenizer>> tokenizer::from_gguf(const gguf_file& file) {
  const auto model = file.get_string("tokenizer.ggml.model");
  if (!model)
    return forward_error(model);
  if (*model != "gpt2" && *model != "llama")
    return failure(
        model_error::unsupported,
        fmt::format("{}: the tokenizer model {}; this release reads gpt2 (byte-level BPE) and llama "
                    "(SentencePiece BPE)",
                    file.path().string(), printable(*model)));
  const auto read = *model == "gpt2" ? read_byte_level(file) : read_pieces(file);
  if (!read)
    return forward_error(read);
  const auto& made = *read;
  if (file.has("tokenizer.chat_template")) {
    const auto source = file.get_string("tokenizer.chat_template");
    if (!source)
      return forward_error(source);
    made->chat_template_ = std::string(*source);
  }
  if (file.has("tokenizer.ggml.add_bos_token")) {
    const auto add = file.get_bool("tokenizer.ggml.add_bos_token");
    if (!add)
      return forward_error(add);
    made->add_bos_ = *add;
  }
  return std::shared_ptr<const tokenizer>(made);
}

tokenizer::tokenizer(tokenizer_vocabulary vocabulary, pre_tokenizer splitter, bpe_merges merges)
    : vocabulary_(std::move(vocabulary)), splitter_(std::move(splitter)), merges_(std::move(merges)),
      add_bos_(splitter_.begins_with_bos()) {
  for (token_id token = 0; token < vocabulary_.size(); ++token) {
    const auto kind = vocabulary_.kind(token);
    if (kind == token_kind::control || kind == token_kind::user_defined)
      specials_.add(vocabulary_.bytes(token), token);
    else if (splitter_.whole_words() && kind == token_kind::normal)
      whole_words_.emplace(vocabulary_.bytes(token), token);
  }
}

bool tokenizer::is_special(token_id token) const {
  const auto kind = vocabulary_.kind(token);
  return kind == token_kind::control || kind == token_kind::unknown;
}

std::optional<token_id> tokenizer::find_special(std::string_view text) const {
  const auto found = specials_.find(text, 0, text.size());
  return found && found->begin == 0 && found->end == text.size() ? std::optional(found->id) : std::nullopt;
}

std::vector<token_id> tokenizer::encode(std::string_view text) const {
  std::vector<token_id> out;
  run_state state;
  encode_run(text, state, out);
  return out;
}

std::vector<token_id> tokenizer::encode_with_specials(std::string_view text) const {
  const text_segment whole{std::string(text), false};
  return encode_segments(std::span(&whole, 1));
}

std::vector<token_id> tokenizer::encode_segments(std::span<const text_segment> segments) const {
  std::string text;
  for (const auto& segment : segments)
    text += segment.text;
  std::vector<token_id> out;
  run_state state;
  size_t done = 0;  // bytes of `text` encoded
  size_t begin = 0; // of the segment
  for (size_t i = 0; i < segments.size();) {
    // Neighbours that are not plain, or that only empty ones part, are one text of the template: a special
    // token may span them.
    size_t end = begin + segments[i].text.size();
    const bool plain = segments[i].plain;
    for (++i; i < segments.size() && (segments[i].plain == plain || segments[i].text.empty()); ++i)
      end += segments[i].text.size();
    while (!plain) {
      const auto found = specials_.find(text, std::max(begin, done), end);
      if (!found)
        break;
      encode_run(std::string_view(text).substr(done, found->begin - done), state, out);
      out.push_back(found->id);
      done = found->end;
    }
    begin = end;
  }
  encode_run(std::string_view(text).substr(done), state, out);
  return out;
}

void tokenizer::encode_run(std::string_view text, run_state& state, std::vector<token_id>& out) const {
  TROUPE_CHECK(text.size() < text_bytes_end, "a text of 2 GiB or more");
  if (!is_utf8(text)) {
    state.repaired.clear();
    append_repaired(text, true, state.repaired);
    text = state.repaired;
  }
  if (splitter_.normalizes() && !is_ascii(text)) {
    state.repaired = normalized(text);
    text = state.repaired;
  }
  if (pieces_)
    encode_pieces(text, state, out);
  else
    splitter_.split(text, [&](std::string_view word) { encode_word(word, state, out); });
}

/// `text` begins a text or follows a special token.
void tokenizer::encode_pieces(std::string_view text, run_state& state, std::vector<token_id>& out) const {
  std::string spaced, prefixed;
  append_with_spaces(text, spaced); // SentencePiece takes U+2581 for a space
  text = spaced;
  const auto encode_between = [&](std::string_view part) {
    if (space_prefix_ && !part.empty()) {
      prefixed.assign(" ").append(part);
      part = prefixed;
    }
    pieces_->split(part, [&](std::string_view word) { encode_word(word, state, out); });
  };
  size_t done = 0;
  while (const auto found = user_defined_.find(text, done, text.size())) {
    encode_between(text.substr(done, found->begin - done));
    out.push_back(found->id);
    done = found->end;
  }
  encode_between(text.substr(done));
}

void tokenizer::encode_word(std::string_view word, run_state& state, std::vector<token_id>& out) const {
  if (cache_.append(word, out))
    return;
  const size_t before = out.size();
  const auto whole = whole_words_.find(word);
  if (whole != whole_words_.end()) {
    out.push_back(whole->second);
  } else if (pieces_) {
    pieces_->merge(word, state.pieces, out);
  } else {
    state.symbols.clear();
    for (const char c : word)
      if (const auto token = byte_tokens_[static_cast<unsigned char>(c)]; token >= 0)
        state.symbols.push_back(token);
    merges_.merge(state.symbols, state.scratch, out);
  }
  cache_.keep(word, std::span(out).subspan(before));
}

} // namespace troupe
