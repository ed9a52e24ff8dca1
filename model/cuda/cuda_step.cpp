#include "model/cuda/cuda_step.hpp"

#include <algorithm>

namespace troupe {

namespace {

int32_t length_of(const sequence_slice& slice) {
  return static_cast<int32_t>(slice.tokens.size());
}

} // namespace

cuda_step::cuda_step(std::span<const sequence_slice> slices, int32_t table_stride)
    : sequences_(static_cast<int32_t>(slices.size())), table_stride_(table_stride) {
  for (const auto& slice : slices) {
    if (longest_ <= 1 && length_of(slice) == 1)
      ++decoding_;
    tokens_ += length_of(slice);
    longest_ = std::max(longest_, length_of(slice));
  }
  words_.reserve(words_max(tokens_, sequences_, table_stride_));
  add_tokens(slices);
  add_slices(slices);
  add_tables(slices);
  add_logit_rows(slices);
}

size_t cuda_step::words_max(int32_t tokens, int32_t sequences, int32_t table_stride) {
  return 4 * count(tokens) + count(sequences) * (slice_words + count(table_stride));
}

void cuda_step::add_tokens(std::span<const sequence_slice> slices) {
  for (const auto& slice : slices)
    words_.insert(words_.end(), slice.tokens.begin(), slice.tokens.end());
  for (const auto& slice : slices)
    for (int32_t i = 0; i < length_of(slice); ++i)
      words_.push_back(slice.position + i);
  for (int32_t row = 0; const auto& slice : slices)
    words_.insert(words_.end(), slice.tokens.size(), row++);
}

void cuda_step::add_slices(std::span<const sequence_slice> slices) {
  int32_t first = 0, row = 0;
  for (const auto& slice : slices) {
    words_.insert(words_.end(), {first, length_of(slice), slice.position, row++});
    first += length_of(slice);
  }
}

/// What lies past a sequence's own pages is page 0: nobody reads it, but every number is a page's.
void cuda_step::add_tables(std::span<const sequence_slice> slices) {
  for (const auto& slice : slices) {
    const auto used = std::min(pages_of(slice.position + length_of(slice)), table_stride_);
    const auto pages = slice.block_table.first(count(used));
    words_.insert(words_.end(), pages.begin(), pages.end());
    words_.insert(words_.end(), count(table_stride_ - used), 0);
  }
}

void cuda_step::add_logit_rows(std::span<const sequence_slice> slices) {
  int32_t end = 0;
  for (const auto& slice : slices) {
    end += length_of(slice);
    for (int32_t row = end - (slice.greedy != nullptr ? 1 : slice.logit_rows); row < end; ++row) {
      words_.push_back(row);
      wants_.push_back(slice.greedy);
    }
  }
}

} // namespace troupe
