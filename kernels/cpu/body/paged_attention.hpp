#pragma once

#include "kernels/cpu/body/exp_lanes.hpp"
#include "kernels/cpu/body/reduce_lanes.hpp"
#include "kernels/cpu/kernel_table.hpp"

#include <cstddef>
#include <cstdint>

/// Attention over paged keys and values, for any lane type; the order of operations stands in attention.hpp.
namespace troupe {
namespace {

constexpr int head_dim_max = 256;
constexpr int split_pages = attention_split / page_tokens;

/// Keys or values of one head in page `index` of the sequence.
inline const uint16_t* head_of_page(const attention_params& params, const attention_task& task, size_t index,
                                    bool values) {
  const auto& layout = params.pages.layout;
  const size_t head = static_cast<size_t>(layout.head_dim) * page_tokens;
  const size_t halves = values ? static_cast<size_t>(layout.kv_heads) : 0;
  const auto* page =
      params.pages.base + static_cast<size_t>(task.slice.block_table[index]) * params.pages.page_stride;
  return reinterpret_cast<const uint16_t*>(page) + (halves + static_cast<size_t>(task.kv_head)) * head;
}

/// Query rows that go through the keys together. They ascend, so their key counts do too.
template <class Lanes, int Rows>
class attention_block {
public:
  attention_block(const attention_params& params, const attention_task& task, int32_t first_row)
      : params_(params), task_(task), head_dim_(params.pages.layout.head_dim) {
    const auto group = params.heads / params.pages.layout.kv_heads;
    for (int i = 0; i < Rows; ++i) {
      const auto row = first_row + i;
      const auto token = row / group, head = task.kv_head * group + row % group;
      offset_[i] = (static_cast<size_t>(task.slice.first_row + token) * static_cast<size_t>(params.heads) +
                    static_cast<size_t>(head)) *
                   static_cast<size_t>(head_dim_);
      keys_[i] = task.slice.position + token + 1;
    }
  }

  void run() {
    for (int32_t split = 0; split * attention_split < keys_[Rows - 1]; ++split) {
      const auto begin = split * attention_split;
      for (int i = 0; i < Rows; ++i) {
        const auto left = keys_[i] - begin;
        counts_[i] = left < 0 ? 0 : left > attention_split ? attention_split : left;
      }
      score(begin);
      if constexpr (few)
        prefetch_values(static_cast<size_t>(begin / page_tokens));
      for (int i = 0; i < Rows; ++i)
        if (counts_[i] > 0)
          soften(i);
      weigh_values(begin);
      for (int i = 0; i < Rows; ++i)
        if (counts_[i] > 0)
          combine(i, split == 0);
    }
    for (int i = 0; i < Rows; ++i) {
      const Lanes inverse = Lanes::broadcast(1.0f / total_[i]);
      for (int32_t d = 0; d < head_dim_; d += 16)
        Lanes::mul(Lanes::load(mixed_[i] + d), inverse).store(params_.output + offset_[i] + d);
    }
  }

private:
  /// Few rows: the pages come from memory once and are not used again soon, so they are fetched ahead. Pages
  /// lie apart, and the hardware does not guess where the next one is.
  static constexpr bool few = Rows <= 3;
  static constexpr size_t value_pages_ahead = 2;

  /// Index of a page that exists.
  size_t bounded(size_t page) const {
    const auto last = static_cast<size_t>((keys_[Rows - 1] - 1) / page_tokens);
    return page < last ? page : last;
  }

  void prefetch_values(size_t first) const {
    for (size_t i = 0; i < value_pages_ahead; ++i) {
      const uint16_t* values = head_of_page(params_, task_, bounded(first + i), true);
      for (int32_t line = 0; line < head_dim_ * page_tokens; line += 32) // of 64 bytes
        Lanes::prefetch(values + line);
    }
  }

  /// scores_ of every key of the split, whole pages: those past a row's count are masked later.
  void score(int32_t begin) {
    const int pages = (counts_[Rows - 1] + page_tokens - 1) / page_tokens;
    const auto first = static_cast<size_t>(begin / page_tokens);
    int page = 0;
    for (; page + Lanes::attention_pages <= pages; page += Lanes::attention_pages)
      score_pages<Lanes::attention_pages>(first, page);
    for (; page < pages; ++page)
      score_pages<1>(first, page);
  }

  template <int Pages>
  void score_pages(size_t first, int page) {
    const uint16_t* keys[Pages];
    const uint16_t* coming[Pages]; // keys of the next pages, or of the last one once more
    for (int j = 0; j < Pages; ++j) {
      keys[j] = head_of_page(params_, task_, first + static_cast<size_t>(page + j), false);
      coming[j] =
          few ? head_of_page(params_, task_, bounded(first + static_cast<size_t>(page + j + Pages)), false)
              : keys[j];
    }
    Lanes sums[Rows][Pages];
    for (auto& row : sums)
      for (auto& sum : row)
        sum = Lanes::broadcast(0.0f);
    for (int32_t d = 0; d < head_dim_; ++d) {
      Lanes key[Pages];
      for (int j = 0; j < Pages; ++j) {
        key[j] = Lanes::load_half(keys[j] + d * page_tokens);
        if constexpr (few)
          Lanes::prefetch(coming[j] + d * page_tokens);
      }
      for (int i = 0; i < Rows; ++i) {
        const Lanes q = Lanes::broadcast(params_.query[offset_[i] + static_cast<size_t>(d)]);
        for (int j = 0; j < Pages; ++j)
          sums[i][j] = Lanes::fma(q, key[j], sums[i][j]);
      }
    }
    const Lanes scale = Lanes::broadcast(params_.scale);
    for (int i = 0; i < Rows; ++i)
      for (int j = 0; j < Pages; ++j)
        Lanes::mul(sums[i][j], scale).store(scores_[i] + (page + j) * page_tokens);
  }

  /// Scores of row i become exp(score - largest); keys past its count become 0.
  void soften(int i) {
    const auto count = counts_[i];
    const Lanes nothing = Lanes::broadcast(-__builtin_inff());
    Lanes largest = nothing;
    for (int t = 0; t < count; t += page_tokens) {
      const Lanes s = Lanes::first_of(Lanes::load(scores_[i] + t), nothing, count - t < 16 ? count - t : 16);
      s.store(scores_[i] + t);
      largest = Lanes::max(largest, s);
    }
    split_largest_[i] = max_lanes(largest);
    const Lanes top = Lanes::broadcast(split_largest_[i]);
    Lanes total = Lanes::broadcast(0.0f);
    for (int t = 0; t < count; t += page_tokens) {
      const Lanes p = exp_lanes(Lanes::sub(Lanes::load(scores_[i] + t), top));
      p.store(scores_[i] + t);
      total = Lanes::add(total, p);
    }
    split_total_[i] = sum_lanes(total);
  }

  /// split_mixed_ = sum of p * v. Keys that all rows see go together; a row never reads a value past its
  /// count, since a slot not yet written may hold anything.
  void weigh_values(int32_t begin) {
    const auto first = static_cast<size_t>(begin / page_tokens);
    int32_t d = 0;
    for (; d + 16 * Lanes::attention_pages <= head_dim_; d += 16 * Lanes::attention_pages)
      weigh_chunks<Lanes::attention_pages>(first, d);
    for (; d < head_dim_; d += 16)
      weigh_chunks<1>(first, d);
  }

  template <int Chunks>
  void weigh_chunks(size_t first, int32_t d) {
    Lanes sums[Rows][Chunks];
    for (auto& row : sums)
      for (auto& sum : row)
        sum = Lanes::broadcast(0.0f);
    const auto shared = counts_[0];
    for (int t = 0; t < shared; t += page_tokens) {
      const uint16_t* values =
          head_of_page(params_, task_, first + static_cast<size_t>(t / page_tokens), true) + d;
      const auto ahead = bounded(first + static_cast<size_t>(t / page_tokens) + value_pages_ahead);
      const uint16_t* coming = few ? head_of_page(params_, task_, ahead, true) + d : values;
      const int stop = shared - t < page_tokens ? shared - t : page_tokens;
      for (int slot = 0; slot < stop; ++slot, values += head_dim_) {
        Lanes value[Chunks];
        for (int j = 0; j < Chunks; ++j) {
          value[j] = Lanes::load_half(values + 16 * j);
          if constexpr (few)
            Lanes::prefetch(coming + slot * head_dim_ + 16 * j);
        }
        for (int i = 0; i < Rows; ++i) {
          const Lanes p = Lanes::broadcast(scores_[i][t + slot]);
          for (int j = 0; j < Chunks; ++j)
            sums[i][j] = Lanes::fma(p, value[j], sums[i][j]);
        }
      }
    }
    for (int i = 0; i < Rows; ++i) {
      for (int j = 0; j < Chunks; ++j)
        sums[i][j].store(split_mixed_[i] + d + 16 * j);
      if (counts_[i] > shared)
        weigh_rest<Chunks>(i, first, d, shared);
    }
  }

  template <int Chunks>
  void weigh_rest(int i, size_t first, int32_t d, int32_t from) {
    float* mixed = split_mixed_[i] + d;
    for (int t = from; t < counts_[i]; ++t) {
      const uint16_t* values =
          head_of_page(params_, task_, first + static_cast<size_t>(t / page_tokens), true) + d +
          t % page_tokens * head_dim_;
      const Lanes p = Lanes::broadcast(scores_[i][t]);
      for (int j = 0; j < Chunks; ++j)
        Lanes::fma(p, Lanes::load_half(values + 16 * j), Lanes::load(mixed + 16 * j)).store(mixed + 16 * j);
    }
  }

  void combine(int i, bool is_first) {
    if (is_first) {
      largest_[i] = split_largest_[i];
      total_[i] = split_total_[i];
      for (int32_t d = 0; d < head_dim_; d += 16)
        Lanes::load(split_mixed_[i] + d).store(mixed_[i] + d);
      return;
    }
    const float top = largest_[i] > split_largest_[i] ? largest_[i] : split_largest_[i];
    const Lanes before = exp_lanes(Lanes::broadcast(largest_[i] - top));
    const Lanes now = exp_lanes(Lanes::broadcast(split_largest_[i] - top));
    float totals[16];
    Lanes::fma(Lanes::broadcast(total_[i]), before, Lanes::mul(Lanes::broadcast(split_total_[i]), now))
        .store(totals);
    total_[i] = totals[0];
    largest_[i] = top;
    for (int32_t d = 0; d < head_dim_; d += 16)
      Lanes::fma(Lanes::load(mixed_[i] + d), before, Lanes::mul(Lanes::load(split_mixed_[i] + d), now))
          .store(mixed_[i] + d);
  }

  const attention_params& params_;
  const attention_task& task_;
  int32_t head_dim_;
  size_t offset_[Rows];  // of the row in query and output
  int32_t keys_[Rows];   // that the row sees
  int32_t counts_[Rows]; // of them in this split
  float split_largest_[Rows], split_total_[Rows], largest_[Rows], total_[Rows];
  alignas(64) float scores_[Rows][attention_split];
  alignas(64) float split_mixed_[Rows][head_dim_max];
  alignas(64) float mixed_[Rows][head_dim_max];
};

template <class Lanes, int Rows>
void attend_rows(const attention_params& params, const attention_task& task, int32_t row) {
  attention_block<Lanes, Rows> block(params, task, row);
  block.run();
}

template <class Lanes>
void paged_attention(const attention_params& params, const attention_task& task) {
  auto row = task.row_begin;
  for (; row + Lanes::attention_rows <= task.row_end; row += Lanes::attention_rows)
    attend_rows<Lanes, Lanes::attention_rows>(params, task, row);
  if constexpr (Lanes::attention_rows > 3) {
    for (; row + 3 <= task.row_end; row += 3)
      attend_rows<Lanes, 3>(params, task, row);
  }
  for (; row < task.row_end; ++row)
    attend_rows<Lanes, 1>(params, task, row);
}

/// Keys go across the page (one element per head_dim row), values lie in a row.
template <class Lanes>
void append_token(const append_kv_params& params, const attention_slice& slice, int32_t token) {
  const auto heads = static_cast<size_t>(params.pages.layout.kv_heads);
  const auto wide = static_cast<size_t>(params.pages.layout.head_dim);
  const auto position = static_cast<size_t>(slice.position + token);
  const size_t slot = position % page_tokens;
  auto* page = reinterpret_cast<uint16_t*>(params.pages.base +
                                           static_cast<size_t>(slice.block_table[position / page_tokens]) *
                                               params.pages.page_stride);
  const size_t row = static_cast<size_t>(slice.first_row + token) * heads * wide;
  for (size_t head = 0; head < heads; ++head) {
    uint16_t* keys = page + head * wide * page_tokens + slot;
    uint16_t* values = page + (heads * page_tokens + head * page_tokens + slot) * wide;
    for (size_t d = 0; d < wide; d += 16) {
      uint16_t rounded[16];
      Lanes::load(params.key + row + head * wide + d).store_half(rounded);
      for (size_t i = 0; i < 16; ++i)
        keys[(d + i) * page_tokens] = rounded[i];
      Lanes::load(params.value + row + head * wide + d).store_half(values + d);
    }
  }
}

} // namespace
} // namespace troupe
