#include "model/piece_merges.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace troupe {

namespace {

// std::push_heap keeps the largest in front.
constexpr auto later = [](const auto& a, const auto& b) {
  return a.score != b.score ? a.score < b.score : a.position > b.position;
};

uint32_t character_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

} // namespace

size_t piece_merges::place_of(std::string_view text) const {
  const size_t mask = places_.size() - 1;
  size_t at = std::hash<std::string_view>()(text) & mask;
  while (!places_[at].text.empty() && places_[at].text != text)
    at = (at + 1) & mask;
  return at;
}

const piece_merges::piece* piece_merges::find(std::string_view text) const {
  if (text.size() > longest_)
    return nullptr;
  const auto& place = places_[place_of(text)];
  return place.text.empty() ? nullptr : &place;
}

void piece_merges::grow() {
  const auto old = std::exchange(places_, std::vector<piece>(2 * places_.size()));
  for (const auto& each : old)
    if (!each.text.empty())
      places_[place_of(each.text)] = each;
}

void piece_merges::add_piece(std::string_view text, token_id id, float score) {
  if (text.empty())
    return;
  if (2 * (count_ + 1) > places_.size())
    grow();
  auto& place = places_[place_of(text)];
  if (!place.text.empty())
    return;
  place = {text, id, std::isnan(score) ? -std::numeric_limits<float>::infinity() : score};
  ++count_;
  longest_ = std::max(longest_, text.size());
  for (size_t i = 1; i < text.size(); ++i)
    if (text[i] == ' ')
      before_space_.set(static_cast<unsigned char>(text[i - 1]));
}

void piece_merges::offer(std::string_view word, int32_t position, scratch& work) const {
  if (position < 0 || work.symbols[static_cast<size_t>(position)].next < 0)
    return;
  const auto& left = work.symbols[static_cast<size_t>(position)];
  const auto size = left.size + work.symbols[static_cast<size_t>(left.next)].size;
  if (const auto* found = find(word.substr(left.begin, size))) {
    work.heap.push_back({found->score, position, size, found->id});
    std::push_heap(work.heap.begin(), work.heap.end(), later);
  }
}

void piece_merges::merge(std::string_view word, scratch& work, std::vector<token_id>& out) const {
  work.heap.clear();
  work.symbols.clear();
  for (size_t at = 0; at < word.size();) {
    const auto size = std::min<size_t>(character_bytes(word[at]), word.size() - at);
    const auto* found = find(word.substr(at, size));
    const auto index = static_cast<int32_t>(work.symbols.size());
    work.symbols.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(size), index - 1, index + 1,
                            found != nullptr ? found->id : -1});
    at += size;
  }
  if (work.symbols.empty())
    return;
  work.symbols.back().next = -1;
  for (int32_t i = 0; i < static_cast<int32_t>(work.symbols.size()); ++i)
    offer(word, i, work);
  while (!work.heap.empty()) {
    const auto best = work.heap.front();
    std::pop_heap(work.heap.begin(), work.heap.end(), later);
    work.heap.pop_back();
    auto& left = work.symbols[static_cast<size_t>(best.position)];
    if (left.size == 0 || left.next < 0)
      continue;
    auto& right = work.symbols[static_cast<size_t>(left.next)];
    if (left.size + right.size != best.size)
      continue; // a merge nearby took one of the two
    left.size = best.size;
    left.id = best.id;
    right.size = 0;
    left.next = right.next;
    if (left.next >= 0)
      work.symbols[static_cast<size_t>(left.next)].previous = best.position;
    offer(word, left.previous, work);
    offer(word, best.position, work);
  }
  for (int32_t i = 0; i >= 0; i = work.symbols[static_cast<size_t>(i)].next) {
    const auto& symbol = work.symbols[static_cast<size_t>(i)];
    if (symbol.id >= 0) {
      out.push_back(symbol.id);
      continue;
    }
    for (const char c : word.substr(symbol.begin, symbol.size))
      if (const auto byte = byte_tokens_[static_cast<unsigned char>(c)]; byte >= 0)
        out.push_back(byte);
      else if (unknown_ >= 0)
        out.push_back(unknown_);
  }
}

} // namespace troupe
