#include "model/bpe_merges.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <bit>

namespace troupe {

namespace {

uint64_t pair_of(token_id left, token_id right) {
  return (static_cast<uint64_t>(left) + 1) << 32 | (static_cast<uint64_t>(right) + 1);
}

// std::push_heap keeps the largest in front; the lowest rank is wanted.
constexpr auto later = [](const auto& a, const auto& b) { return a.order > b.order; };

} // namespace

bpe_merges::bpe_merges(size_t count)
    : slots_(std::bit_ceil(2 * count + 2)), shift_(64 - std::countr_zero(slots_.size())) {}

size_t bpe_merges::slot_of(uint64_t pair) const {
  size_t at = (pair * 0x9E3779B97F4A7C15u) >> shift_; // Fibonacci hashing
  while (slots_[at].pair != 0 && slots_[at].pair != pair)
    at = (at + 1) & (slots_.size() - 1);
  return at;
}

void bpe_merges::add(token_id left, token_id right, token_id merged) {
  TROUPE_CHECK(left >= 0 && right >= 0 && merged >= 0, "a merge of a negative token");
  TROUPE_CHECK(2 * (added_ + 1) <= slots_.size(), "more merges than announced");
  auto& place = slots_[slot_of(pair_of(left, right))];
  if (place.pair == 0)
    place = {pair_of(left, right), added_, merged};
  ++added_;
}

const bpe_merges::slot* bpe_merges::find(token_id left, token_id right) const {
  const auto& place = slots_[slot_of(pair_of(left, right))];
  return place.pair == 0 ? nullptr : &place;
}

void bpe_merges::offer(int32_t position, scratch& work) const {
  if (position < 0 || work.symbols[position].next < 0)
    return;
  const token_id left = work.symbols[position].id;
  const token_id right = work.symbols[work.symbols[position].next].id;
  if (const auto* found = find(left, right)) {
    work.heap.push_back({static_cast<uint64_t>(found->rank) << 32 | static_cast<uint32_t>(position), left,
                         right, found->merged});
    std::push_heap(work.heap.begin(), work.heap.end(), later);
  }
}

void bpe_merges::merge(std::span<const token_id> symbols, scratch& work, std::vector<token_id>& out) const {
  const auto count = static_cast<int32_t>(symbols.size());
  work.heap.clear();
  work.symbols.clear();
  for (int32_t i = 0; i < count; ++i)
    work.symbols.push_back({symbols[i], i - 1, i + 1 < count ? i + 1 : -1});
  for (int32_t i = 0; i + 1 < count; ++i)
    offer(i, work);
  while (!work.heap.empty()) {
    const auto best = work.heap.front();
    std::pop_heap(work.heap.begin(), work.heap.end(), later);
    work.heap.pop_back();
    const auto position = static_cast<int32_t>(best.order & 0xFFFFFFFF);
    auto& left = work.symbols[position];
    if (left.id != best.left || left.next < 0 || work.symbols[left.next].id != best.right)
      continue; // a merge nearby took one of the two
    auto& right = work.symbols[left.next];
    left.id = best.merged;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0)
      work.symbols[left.next].previous = position;
    offer(left.previous, work);
    offer(position, work);
  }
  for (int32_t i = 0; i >= 0 && i < count; i = work.symbols[i].next)
    out.push_back(work.symbols[i].id);
}

} // namespace troupe
