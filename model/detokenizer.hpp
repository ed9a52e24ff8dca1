#pragma once

#include "base/ids.hpp"
#include "model/tokenizer.hpp"

#include <memory>
#include <string>

namespace troupe {

/// Tokens back to text, one at a time. What push() and finish() return is well-formed UTF-8, and together it
/// is the decoding of all the tokens' bytes at once, with U+FFFD for every maximal ill-formed part. Special
/// tokens stand for nothing, so a character may continue after one, as in Hugging Face's decoder.
class detokenizer {
public:
  explicit detokenizer(std::shared_ptr<const tokenizer> source) : source_(std::move(source)) {}

  /// The text that the token completes; empty while a character is unfinished.
  std::string push(token_id token);

  /// U+FFFD if the tokens ended inside a character, else nothing. Then the detokenizer begins anew.
  std::string finish();

private:
  std::shared_ptr<const tokenizer> source_;
  std::string pending_; // the beginning of a character, at most 3 bytes
};

} // namespace troupe
