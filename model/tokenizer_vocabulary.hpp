#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/gguf_file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What a token is for; the values are GGUF's tokenizer.ggml.token_type.
enum class token_kind : uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

/// How a file writes the bytes of its tokens.
enum class token_alphabet {
  byte_level,   // byte_level.hpp
  sentencepiece // U+2581 is a space, and a token of kind byte is "<0xXX>"
};

/// Appends `text` with a space for each U+2581, SentencePiece's mark for one.
void append_with_spaces(std::string_view text, std::string& out);

/// The tokens of a model: bytes, kinds and the ids with a meaning.
class tokenizer_vocabulary {
public:
  static constexpr size_t tokens_max = 524'287; // the sampler's bound; Gemma 3 has 262,208
  static constexpr size_t token_bytes_max = 65'536;
  static constexpr size_t special_bytes_max =
      256; // of control and user-defined tokens: they are searched for

  /// Errors: missing_key, wrong_type, bad_vocabulary.
  static result<tokenizer_vocabulary> from_gguf(const gguf_file& file,
                                                token_alphabet alphabet = token_alphabet::byte_level);

  int32_t size() const { return static_cast<int32_t>(kinds_.size()); }

  /// The bytes that the token stands for; of control tokens their text; empty outside [0, size()).
  std::string_view bytes(token_id token) const;

  /// unused outside [0, size()).
  token_kind kind(token_id token) const;

  std::optional<token_id> bos, eos, unknown, padding;

  /// Sampling one of these ends an answer: eos, eot and eom of the file, and control tokens that are known to
  /// end turns by their text. Rising, each once.
  std::vector<token_id> end_tokens;

private:
  status read_ids(const gguf_file& file);
  void append(std::string_view text, token_kind kind, token_alphabet alphabet);
  void append_piece(std::string_view text, token_kind kind);

  std::string arena_;
  std::vector<uint32_t> begins_ = {0}; // token i is arena_[begins_[i], begins_[i + 1])
  std::vector<token_kind> kinds_;
};

} // namespace troupe
