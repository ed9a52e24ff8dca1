#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/bpe_merges.hpp"
#include "model/gguf_file.hpp"
#include "model/piece_merges.hpp"
#include "model/pre_tokenizer.hpp"
#include "model/special_tokens.hpp"
#include "model/text_segment.hpp"
#include "model/tokenizer_vocabulary.hpp"
#include "model/word_cache.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Byte-level BPE, with the results of Hugging Face's `tokenizers`, or SentencePiece's BPE with byte
/// fallback: text to tokens. Immutable apart from a cache; all methods may run in many threads.
///
/// In a SentencePiece model user-defined tokens are found in every text, not only in a template's (as its own
/// library does): newlines and runs of spaces are such tokens. Where the model says so, a space goes before
/// the text and after each special token.
///
/// Text is UTF-8; every maximal ill-formed part counts as U+FFFD. Bytes for which the vocabulary has no token
/// (SmolLM2 lacks a few that are rare in UTF-8) are left out, as Hugging Face does. No BOS is added: see
/// add_bos(). Time is O(n log n) in the text, whatever it is. A text has less than 2^31 bytes.
class tokenizer {
public:
  /// Reads the tokenizer.* keys; the file may be closed afterwards.
  /// Errors: missing_key, wrong_type, bad_vocabulary, unsupported (a model other than "gpt2" and "llama", an
  /// unknown pre-tokenizer).
  static result<std::shared_ptr<const tokenizer>> from_gguf(const gguf_file& file);

  /// A special token's text is text like any other: for what users write.
  std::vector<token_id> encode(std::string_view text) const;

  /// Control and user-defined tokens are found by their text: for a template's own text.
  std::vector<token_id> encode_with_specials(std::string_view text) const;

  /// The segments' texts as one text, with special tokens found only where their whole text lies in segments
  /// that are not plain.
  std::vector<token_id> encode_segments(std::span<const text_segment> segments) const;

  /// Tokens; the model's logits may be wider.
  int32_t vocabulary() const { return vocabulary_.size(); }

  /// The bytes that a token stands for, not always whole characters; of special tokens their text; empty for
  /// an id outside the vocabulary. Lives as long as the tokenizer.
  std::string_view token_bytes(token_id token) const { return vocabulary_.bytes(token); }

  /// Control tokens and the unknown token, which are no text of an answer. User-defined tokens (tags like
  /// "<think>") are text.
  bool is_special(token_id token) const;

  /// A special or user-defined token by its text.
  std::optional<token_id> find_special(std::string_view text) const;

  std::optional<token_id> bos() const { return vocabulary_.bos; }
  std::optional<token_id> eos() const { return vocabulary_.eos; }
  std::optional<token_id> unknown() const { return vocabulary_.unknown; }
  std::optional<token_id> padding() const { return vocabulary_.padding; }

  /// Sampling one of these ends an answer. Rising, each once.
  const std::vector<token_id>& end_tokens() const { return vocabulary_.end_tokens; }

  /// The Jinja source, if the file has one.
  std::optional<std::string_view> chat_template() const { return chat_template_; }

  /// Whether a prompt without a template begins with bos().
  bool add_bos() const { return add_bos_; }

private:
  struct run_state; // buffers of one call

  tokenizer(tokenizer_vocabulary vocabulary, pre_tokenizer splitter, bpe_merges merges);

  static result<std::shared_ptr<tokenizer>> read_byte_level(const gguf_file& file);
  static result<std::shared_ptr<tokenizer>> read_pieces(const gguf_file& file);

  void encode_run(std::string_view text, run_state& state, std::vector<token_id>& out) const;
  void encode_pieces(std::string_view text, run_state& state, std::vector<token_id>& out) const;
  void encode_word(std::string_view word, run_state& state, std::vector<token_id>& out) const;

  tokenizer_vocabulary vocabulary_;
  pre_tokenizer splitter_;
  bpe_merges merges_;
  special_tokens specials_;
  std::optional<piece_merges> pieces_; // of a SentencePiece model, instead of merges_
  special_tokens user_defined_;        // of a SentencePiece model
  bool space_prefix_ = false;
  std::array<token_id, 256> byte_tokens_;                      // -1: no token
  std::unordered_map<std::string_view, token_id> whole_words_; // empty unless the pre-tokenizer asks for it
  std::optional<std::string> chat_template_;
  bool add_bos_ = false;
  mutable word_cache cache_;
};

} // namespace troupe
