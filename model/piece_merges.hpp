#pragma once

#include "base/ids.hpp"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace troupe {

/// SentencePiece's BPE: neighbours merge where both together are a piece, the one with the highest score
/// first, the leftmost of equals; what is no piece in the end becomes the tokens of its bytes. Source: Kudo
/// and Richardson 2018; google/sentencepiece, bpe_model.cc.
class piece_merges {
public:
  piece_merges() { byte_tokens_.fill(-1); }

  /// `text` must outlive the object; of equal texts the first counts. Nothing may be added after merge().
  void add_piece(std::string_view text, token_id id, float score);
  void add_byte(uint8_t byte, token_id id) { byte_tokens_[byte] = id; }
  void unknown(token_id id) { unknown_ = id; }

  /// Working memory of merge(), for reuse from word to word.
  struct scratch {
    struct symbol {
      uint32_t begin, size;   // bytes of the word; size 0: merged into the one before
      int32_t previous, next; // positions; -1: none
      token_id id;            // -1: no piece
    };
    struct candidate {
      float score;
      int32_t position;
      uint32_t size; // bytes of both
      token_id id;
    };
    std::vector<symbol> symbols;
    std::vector<candidate> heap;
  };

  /// Appends the tokens of `word`, well-formed UTF-8 of less than 2^31 bytes; O(n log n).
  void merge(std::string_view word, scratch& work, std::vector<token_id>& out) const;

  /// Calls `word` for stretches of `text`, cut before spaces where no piece holds the cut: they have the
  /// tokens of the whole. Short stretches are quick, and a cache can hold them.
  template <class Word>
  void split(std::string_view text, const Word& word) const {
    size_t begin = 0;
    for (size_t i = 1; i < text.size(); ++i)
      if (text[i] == ' ' && !before_space_.test(static_cast<unsigned char>(text[i - 1]))) {
        word(text.substr(begin, i - begin));
        begin = i;
      }
    if (begin < text.size())
      word(text.substr(begin));
  }

private:
  struct piece {
    std::string_view text; // empty: a free place
    token_id id = -1;
    float score = 0.0f;
  };
  const piece* find(std::string_view text) const;
  size_t place_of(std::string_view text) const;
  void grow();
  void offer(std::string_view word, int32_t position, scratch& work) const;

  std::vector<piece> places_ = std::vector<piece>(1024); // open addressing, at most half full, a power of two
  size_t count_ = 0;
  size_t longest_ = 0;            // bytes of a piece
  std::bitset<256> before_space_; // bytes that come right before a space inside a piece
  std::array<token_id, 256> byte_tokens_;
  token_id unknown_ = -1;
};

} // namespace troupe
