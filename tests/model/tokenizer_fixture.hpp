#pragma once

#include "model/tokenizer.hpp"
#include "tests/model/gguf_builder.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

namespace troupe::test {

/// The default model's tokenizer, loaded once.
inline const std::shared_ptr<const tokenizer>& default_tokenizer() {
  static const auto loaded = [] {
    const auto file = gguf_file::open(default_model());
    if (!file)
      throw std::runtime_error(file.error().what());
    auto made = tokenizer::from_gguf(*file);
    if (!made)
      throw std::runtime_error(made.error().what());
    return *made;
  }();
  return loaded;
}

/// A GGUF of nothing but a small tokenizer: the letters a to e and a space (written as U+0120), what the
/// merges make, a control token, a user-defined one, and a token that holds half of a character.
struct small_vocabulary {
  std::string model = "gpt2";
  std::string pre = "gpt-2";
  std::vector<std::string> tokens = {"<s>",    "a",  "b",   "c",       "d",     "e",
                                     "\u0120", "ab", "abc", "\u0120a", "<tag>", "\u00c3"};
  std::vector<int32_t> kinds = {3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 1};
  std::vector<std::string> merges = {"a b", "ab c", "\u0120 a"};
  uint32_t eos = 0;

  result<std::shared_ptr<const tokenizer>> load() const {
    gguf_builder bytes;
    bytes.preamble(0, 6).text("tokenizer.ggml.model", model).text("tokenizer.ggml.pre", pre);
    bytes.texts("tokenizer.ggml.tokens", tokens).texts("tokenizer.ggml.merges", merges);
    bytes.array("tokenizer.ggml.token_type", gguf_type::int32, kinds.size());
    for (const auto kind : kinds)
      bytes.number(kind);
    bytes.key("tokenizer.ggml.eos_token_id", gguf_type::uint32).number(eos);
    const temporary_file stored(bytes.bytes());
    const auto file = gguf_file::open(stored.path());
    if (!file)
      return forward_error(file);
    return tokenizer::from_gguf(*file);
  }
};

/// The default model's vocabulary under another pre-tokenizer.
inline std::shared_ptr<const tokenizer> default_tokenizer_as(const std::string& pre) {
  const auto file = gguf_file::open(default_model());
  if (!file)
    throw std::runtime_error(file.error().what());
  const auto copied = [&](std::string_view key) {
    const auto texts = file->get_strings(key).value();
    return std::vector<std::string>(texts.begin(), texts.end());
  };
  small_vocabulary large{.pre = pre};
  large.tokens = copied("tokenizer.ggml.tokens");
  large.merges = copied("tokenizer.ggml.merges");
  const auto kinds = file->get_integers("tokenizer.ggml.token_type").value();
  large.kinds.assign(kinds.begin(), kinds.end());
  return large.load().value();
}

inline std::string decoded(const tokenizer& source, const std::vector<token_id>& tokens) {
  std::string out;
  for (const auto token : tokens)
    out += source.token_bytes(token);
  return out;
}

} // namespace troupe::test
