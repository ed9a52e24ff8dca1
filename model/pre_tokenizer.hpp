#pragma once

#include "base/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Cuts a text into the words inside which BPE merges. Immutable: one may split from many threads.
class pre_tokenizer {
public:
  /// `name` as GGUF's tokenizer.ggml.pre has it. Errors: unsupported, naming those known.
  static result<pre_tokenizer> named(std::string_view name);

  /// Cuts nothing: for tokenizers that merge across words.
  static pre_tokenizer whole();

  pre_tokenizer(pre_tokenizer&&) noexcept;
  ~pre_tokenizer();

  /// Calls `word` for the words of `text` in order; together they are the text. text: well-formed UTF-8.
  /// Time is linear in the text for every pattern of the table.
  void split(std::string_view text, const std::function<void(std::string_view)>& word) const;

  bool normalizes() const { return normalizes_; }           // the text goes to NFC first
  bool whole_words() const { return whole_words_; }         // a word that is a token is not merged up to
  bool begins_with_bos() const { return begins_with_bos_; } // where the file does not say

private:
  class pattern;
  struct row;

  pre_tokenizer();
  void split_at(size_t level, std::string_view text, const std::function<void(std::string_view)>& word) const;

  std::vector<pattern> patterns_; // each cuts what the one before left in one piece
  bool normalizes_ = false;
  bool whole_words_ = false;
  bool begins_with_bos_ = false;
};

} // namespace troupe
