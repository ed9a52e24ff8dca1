#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "model/bpe_merges.hpp"
#include "model/gguf_file.hpp"

#include <array>

namespace troupe {

/// The parts of a byte-level BPE tokenizer that refer to tokens by their text in the file.
struct tokenizer_merges {
  bpe_merges merges;
  std::array<token_id, 256> byte_tokens; // -1: the vocabulary has no token for the byte
};

/// Reads tokenizer.ggml.merges ("left right" each, in the order of rank) against tokenizer.ggml.tokens.
/// Errors: missing_key, wrong_type, bad_vocabulary (a merge of or into something that is no token).
result<tokenizer_merges> read_merges(const gguf_file& file);

} // namespace troupe
