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

/// Query rows that go through the keys together. They ascend, so what they see begins and ends at ascending
/// positions. In a split, row i sees the keys [0, low_end_[i]) and [high_begin_[i], high_end_[i]), counted
/// from the split's begin: sinks and window, or all of it as the low part where the two meet.
template <class Lanes, int Rows>
class attention_block {
public:
  attention_block(const attention_params& params, const attention_task& task, int32_t first_row)
      : params_(params), task_(task), head_dim_(params.pages.layout.head_dim) {
    const auto group = params.heads / params.pages.layout.kv_heads, window = params.window.positions;
    for (int i = 0; i < Rows; ++i) {
      const auto row = first_row + i;
      const auto token = row / group, head = task.kv_head * group + row % group;
      offset_[i] = (static_cast<size_t>(task.slice.first_row + token) * static_cast<size_t>(params.heads) +
                    static_cast<size_t>(head)) *
                   static_cast<size_t>(head_dim_);
      keys_[i] = task.slice.position + token + 1;
      window_begin_[i] = window > 0 && keys_[i] > window ? keys_[i] - window : 0;
      seen_[i] = false;
    }
    sinks_end_ = smaller(params.window.sinks, keys_[Rows - 1]);
  }

  void run() {
    const auto window_split = window_begin_[0] / attention_split * attention_split;
    for (int32_t begin = 0; begin < keys_[Rows - 1]; begin += attention_split) {
      if (begin >= sinks_end_ && begin < window_split)
        begin = window_split;
      bound_rows(begin);
      score(begin);
      if constexpr (few)
        prefetch_values(begin);
      for (int i = 0; i < Rows; ++i)
        if (sees(i))
          soften(i);
      weigh_values(begin);
      for (int i = 0; i < Rows; ++i)
        if (sees(i))
          combine(i);
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
  static constexpr int32_t value_pages_ahead = 2;

  static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
  static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
  static int32_t whole_pages(int32_t keys) { return (keys + page_tokens - 1) / page_tokens; }

  /// What each row sees in the split that begins at position `begin`.
  void bound_rows(int32_t begin) {
    const auto within = [begin](int32_t position) {
      return position < begin ? 0 : smaller(position - begin, attention_split);
    };
    for (int i = 0; i < Rows; ++i) {
      high_end_[i] = within(keys_[i]);
      high_begin_[i] = within(window_begin_[i]);
      low_end_[i] = smaller(within(params_.window.sinks), high_end_[i]);
      if (low_end_[i] >= high_begin_[i])
        low_end_[i] = high_begin_[i] = high_end_[i];
    }
  }

  bool sees(int i) const { return low_end_[i] > 0 || high_begin_[i] < high_end_[i]; }

  /// Index of the page that is read after those before `page`: one that exists and that a row sees.
  size_t bounded(int32_t page) const {
    if (page >= whole_pages(sinks_end_))
      page = larger(page, window_begin_[0] / page_tokens);
    return static_cast<size_t>(smaller(page, (keys_[Rows - 1] - 1) / page_tokens));
  }

  void prefetch_values(int32_t begin) const {
    const auto first = begin / page_tokens;
    for (int32_t i = 0; i < value_pages_ahead; ++i) {
      const uint16_t* values = head_of_page(params_, task_, bounded(first + i), true);
      for (int32_t line = 0; line < head_dim_ * page_tokens; line += 32) // of 64 bytes
        Lanes::prefetch(values + line);
    }
  }

  /// scores_ of the split's keys that some row sees, by whole pages: what a row does not see is masked later.
  void score(int32_t begin) {
    int32_t low = low_end_[0], high = high_begin_[0];
    for (int i = 1; i < Rows; ++i) {
      low = larger(low, low_end_[i]);
      high = smaller(high, high_begin_[i]);
    }
    low = whole_pages(low);
    score_range(begin / page_tokens, 0, low);
    score_range(begin / page_tokens, larger(low, high / page_tokens), whole_pages(high_end_[Rows - 1]));
  }

  void score_range(int32_t first, int32_t page, int32_t end) {
    for (; page + Lanes::attention_pages <= end; page += Lanes::attention_pages)
      score_pages<Lanes::attention_pages>(first, page);
    for (; page < end; ++page)
      score_pages<1>(first, page);
  }

  template <int Pages>
  void score_pages(int32_t first, int32_t page) {
    const uint16_t* keys[Pages];
    const uint16_t* coming[Pages]; // keys of the next pages, or of the last one once more
    for (int j = 0; j < Pages; ++j) {
      keys[j] = head_of_page(params_, task_, static_cast<size_t>(first + page + j), false);
      coming[j] = few ? head_of_page(params_, task_, bounded(first + page + j + Pages), false) : keys[j];
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

  /// Calls task(t) for each stretch of 16 keys of the split that row i sees a part of, ascending.
  template <class Task>
  void each_stretch(int i, const Task& task) const {
    const auto low = whole_pages(low_end_[i]) * page_tokens;
    for (int32_t t = 0; t < low; t += page_tokens)
      task(t);
    for (auto t = larger(low, high_begin_[i] / page_tokens * page_tokens); t < high_end_[i]; t += page_tokens)
      task(t);
  }

  /// 16 scores of row i; those of keys that it does not see are -infinity.
  Lanes masked(int i, int32_t t) const {
    const Lanes s = Lanes::load(scores_[i] + t), nothing = Lanes::broadcast(-__builtin_inff());
    if (t + page_tokens <= low_end_[i])
      return s;
    const auto before = [t](int32_t end) { return end < t ? 0 : smaller(end - t, page_tokens); };
    return Lanes::first_of(Lanes::first_of(s, nothing, before(low_end_[i])),
                           Lanes::first_of(s, nothing, before(high_end_[i])), before(high_begin_[i]));
  }

  /// Scores of row i become exp(score - largest); those of keys that it does not see become 0.
  void soften(int i) {
    Lanes largest = Lanes::broadcast(-__builtin_inff());
    each_stretch(i, [&](int32_t t) {
      const Lanes s = masked(i, t);
      s.store(scores_[i] + t);
      largest = Lanes::max(largest, s);
    });
    split_largest_[i] = max_lanes(largest);
    const Lanes top = Lanes::broadcast(split_largest_[i]);
    Lanes total = Lanes::broadcast(0.0f);
    each_stretch(i, [&](int32_t t) {
      const Lanes p = exp_lanes(Lanes::sub(Lanes::load(scores_[i] + t), top));
      p.store(scores_[i] + t);
      total = Lanes::add(total, p);
    });
    split_total_[i] = sum_lanes(total);
  }

  /// split_mixed_ = sum of p * v, ascending. Keys that all rows see go together; a row never reads a value
  /// that it does not see, since a slot not yet written may hold anything.
  void weigh_values(int32_t begin) {
    const auto first = begin / page_tokens;
    int32_t d = 0;
    for (; d + 16 * Lanes::attention_pages <= head_dim_; d += 16 * Lanes::attention_pages)
      weigh_chunks<Lanes::attention_pages>(first, d);
    for (; d < head_dim_; d += 16)
      weigh_chunks<1>(first, d);
  }

  template <int Chunks>
  void weigh_chunks(int32_t first, int32_t d) {
    int32_t low = low_end_[0], high = high_begin_[0]; // all rows see [0, low) and [high, end)
    for (int i = 1; i < Rows; ++i) {
      low = smaller(low, low_end_[i]);
      high = larger(high, high_begin_[i]);
    }
    high = larger(high, low);
    const auto end = high_end_[0];
    weigh_shared<Chunks>(first, d, 0, low, false);
    for (int i = 0; i < Rows; ++i) {
      weigh_own<Chunks>(i, first, d, low, smaller(low_end_[i], high));
      weigh_own<Chunks>(i, first, d, larger(low, high_begin_[i]), smaller(high_end_[i], high));
    }
    if (high < end)
      weigh_shared<Chunks>(first, d, high, end, true);
    for (int i = 0; i < Rows; ++i)
      weigh_own<Chunks>(i, first, d, larger(high, end), high_end_[i]);
  }

  /// Keys [from, to) of the split, for all rows. goes_on: onto what split_mixed_ holds, else onto 0.
  template <int Chunks>
  void weigh_shared(int32_t first, int32_t d, int32_t from, int32_t to, bool goes_on) {
    Lanes sums[Rows][Chunks];
    for (int i = 0; i < Rows; ++i)
      for (int j = 0; j < Chunks; ++j)
        sums[i][j] = goes_on ? Lanes::load(split_mixed_[i] + d + 16 * j) : Lanes::broadcast(0.0f);
    for (auto t = from; t < to;) {
      const auto page = first + t / page_tokens;
      const auto begin = t % page_tokens, stop = smaller(page_tokens, begin + to - t);
      const uint16_t* values = head_of_page(params_, task_, static_cast<size_t>(page), true) + d;
      const uint16_t* coming =
          few ? head_of_page(params_, task_, bounded(page + value_pages_ahead), true) + d : values;
      for (auto slot = begin; slot < stop; ++slot, ++t) {
        Lanes value[Chunks];
        for (int j = 0; j < Chunks; ++j) {
          value[j] = Lanes::load_half(values + slot * head_dim_ + 16 * j);
          if constexpr (few)
            Lanes::prefetch(coming + slot * head_dim_ + 16 * j);
        }
        for (int i = 0; i < Rows; ++i) {
          const Lanes p = Lanes::broadcast(scores_[i][t]);
          for (int j = 0; j < Chunks; ++j)
            sums[i][j] = Lanes::fma(p, value[j], sums[i][j]);
        }
      }
    }
    for (int i = 0; i < Rows; ++i)
      for (int j = 0; j < Chunks; ++j)
        sums[i][j].store(split_mixed_[i] + d + 16 * j);
  }

  /// Keys [from, to) of the split, which row i sees and others do not.
  template <int Chunks>
  void weigh_own(int i, int32_t first, int32_t d, int32_t from, int32_t to) {
    float* mixed = split_mixed_[i] + d;
    for (auto t = from; t < to; ++t) {
      const uint16_t* values =
          head_of_page(params_, task_, static_cast<size_t>(first + t / page_tokens), true) + d +
          t % page_tokens * head_dim_;
      const Lanes p = Lanes::broadcast(scores_[i][t]);
      for (int j = 0; j < Chunks; ++j)
        Lanes::fma(p, Lanes::load_half(values + 16 * j), Lanes::load(mixed + 16 * j)).store(mixed + 16 * j);
    }
  }

  void combine(int i) {
    if (!seen_[i]) {
      seen_[i] = true;
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
  size_t offset_[Rows];        // of the row in query and output
  int32_t keys_[Rows];         // up to the row's own position
  int32_t window_begin_[Rows]; // position of the first in its window
  int32_t sinks_end_;
  bool seen_[Rows]; // a split with a key that the row sees
  int32_t low_end_[Rows], high_begin_[Rows], high_end_[Rows];
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
