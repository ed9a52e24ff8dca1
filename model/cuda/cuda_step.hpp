#pragma once

#include "kernels/cuda/prefill_attention.hpp"
#include "model/language_model.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace troupe {

/// A ragged step's numbers as the kernels read them: arrays of 32-bit integers behind one another, sent to
/// the device in one copy. In order: tokens, positions and block-table rows of each token; slices; block
/// tables; the rows that want logits or their greedy token.
class cuda_step {
public:
  /// table_stride: pages of the longest table, or more. The slices are checked.
  cuda_step(std::span<const sequence_slice> slices, int32_t table_stride);

  /// Words of the largest step.
  static size_t words_max(int32_t tokens, int32_t sequences, int32_t table_stride);

  std::span<const int32_t> words() const { return words_; }
  int32_t tokens() const { return tokens_; }
  int32_t longest() const { return longest_; } // tokens of a slice
  int32_t sequences() const { return sequences_; }

  /// So many slices of one token stand first: the planner puts those that decode there.
  int32_t decoding() const { return decoding_; }
  int32_t logit_rows() const { return static_cast<int32_t>(wants_.size()); }

  /// Of each row among logit_rows: where its greedy token goes; null: it wants its logits.
  std::span<token_id* const> wants() const { return wants_; }
  int32_t table_stride() const { return table_stride_; }

  /// Where each array begins in a copy of words().
  int32_t* token(int32_t* base) const { return base; }
  const int32_t* positions(const int32_t* base) const { return base + count(tokens_); }
  const int32_t* table_rows(const int32_t* base) const { return base + 2 * count(tokens_); }
  const cuda::prefill_slice* slices(const int32_t* base) const {
    return reinterpret_cast<const cuda::prefill_slice*>(base + 3 * count(tokens_));
  }
  const int32_t* block_tables(const int32_t* base) const {
    return base + 3 * count(tokens_) + slice_words * count(sequences_);
  }
  const int32_t* logit_rows(const int32_t* base) const {
    return block_tables(base) + count(sequences_) * count(table_stride_);
  }

private:
  static constexpr size_t slice_words = sizeof(cuda::prefill_slice) / sizeof(int32_t);
  static size_t count(int32_t value) { return static_cast<size_t>(value); }

  void add_tokens(std::span<const sequence_slice> slices);
  void add_slices(std::span<const sequence_slice> slices);
  void add_tables(std::span<const sequence_slice> slices);
  void add_logit_rows(std::span<const sequence_slice> slices);

  std::vector<int32_t> words_;
  int32_t tokens_ = 0, longest_ = 0, sequences_ = 0, decoding_ = 0, table_stride_ = 0;
  std::vector<token_id*> wants_;
};

} // namespace troupe
