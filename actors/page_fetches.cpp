#include "actors/page_fetches.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr int active_max = 8;
constexpr size_t reads_max = 8;             // of one fetch on their way
constexpr size_t news_pages = 8;            // so that who waits sees progress
constexpr milliseconds page_patience{1000}; // without a page
constexpr milliseconds page_time{20};       // on average: about what it takes to compute one on two cores
constexpr milliseconds rest{30'000};        // after a read that never came

page_identity identity_of(const page_chain& chain, size_t page) {
  page_identity out{
      .root = chain.root, .parent = chain.parent_of(page), .key = chain.keys[page], .tokens = {}};
  std::ranges::copy(chain.tokens_of(page), out.tokens.begin());
  return out;
}

} // namespace

bool page_fetches::awaits(const page_need& need, size_t found, size_t usable) {
  const auto& keys = need.prefix->keys;
  usable = std::min(usable, keys.size());
  if (found >= usable)
    return false;
  if (const auto own = fetches_.find(need.id); own != fetches_.end())
    return !own->second.over;
  if (coming_.contains(keys[found]))
    return true;
  if (active_ >= active_max || clock_.now() < rest_until_)
    return false;
  // A windowed sequence may be longer than all pages together: its end must not push its beginning out.
  const auto end = std::min(usable, found + static_cast<size_t>(index_.available_pages()));
  auto last = found;
  while (last < end && tier_.contains(keys[last]) && !coming_.contains(keys[last]))
    ++last;
  if (last == found)
    return false;
  start(need, found, last);
  const auto started = fetches_.find(need.id);
  return !started->second.over;
}

void page_fetches::start(const page_need& need, size_t found, size_t last) {
  const auto now = clock_.now();
  auto& made = fetches_[need.id];
  made = {.number = ++started_,
          .chain = need.prefix,
          .first = found,
          .next_read = found,
          .next_taken = found,
          .last = last,
          .started = now,
          .progressed = now};
  ++active_;
  for (auto page = found; page < last; ++page)
    coming_.emplace(need.prefix->keys[page], need.id);
  if (!read_more(need.id, made))
    end(need.id, made);
}

/// False: nothing is on its way, and nothing will be.
bool page_fetches::read_more(sequence_id id, fetch& wanted) {
  while (wanted.next_read < wanted.last && wanted.next_read - wanted.next_taken < reads_max) {
    const page_ticket ticket{id, wanted.number, wanted.next_read};
    if (!tier_.read(ticket, identity_of(*wanted.chain, wanted.next_read)))
      break; // too much waits there; what is on its way asks again
    ++wanted.next_read;
  }
  return wanted.next_read > wanted.next_taken;
}

/// Puts the next page of a fetch into the index. Only pages that nobody uses make room for it.
bool page_fetches::admit(const fetch& wanted, std::span<const std::byte> bytes) {
  const auto& chain = *wanted.chain;
  const auto at = wanted.next_taken;
  const auto page = index_.allocate(1);
  if (!page)
    return false;
  tier_.fill(page->front(), bytes);
  const bool known =
      index_.publish(chain.root, chain.parent_of(at), chain.keys[at], chain.tokens_of(at), page->front());
  index_.release(*page); // idle, and the newest of those
  return known;
}

bool page_fetches::take(const page_ticket& ticket, std::span<const std::byte> bytes) {
  const auto found = fetches_.find(ticket.id);
  if (found == fetches_.end() || found->second.number != ticket.fetch || found->second.over)
    return false; // given up meanwhile
  auto& wanted = found->second;
  if (bytes.empty() || ticket.page != wanted.next_taken || !admit(wanted, bytes)) {
    end(ticket.id, wanted);
    return true;
  }
  coming_.erase(wanted.chain->keys[wanted.next_taken]);
  ++wanted.next_taken;
  wanted.progressed = clock_.now();
  if (wanted.next_taken < wanted.last && read_more(ticket.id, wanted))
    return (wanted.next_taken - wanted.first) % news_pages == 0;
  end(ticket.id, wanted);
  return true;
}

bool page_fetches::expire() {
  const auto now = clock_.now();
  bool news = false;
  for (auto& [id, slow] : fetches_) {
    if (slow.over)
      continue;
    const auto pages = static_cast<int64_t>(slow.last - slow.first);
    const bool hangs = now - slow.progressed > page_patience;
    if (!hangs && now - slow.started <= page_patience + page_time * pages)
      continue;
    if (hangs) // the next ones would wait in vain too
      rest_until_ = now + rest;
    end(id, slow);
    news = true;
  }
  return news;
}

void page_fetches::end(sequence_id id, fetch& ended) {
  ended.over = true;
  --active_;
  for (auto page = ended.next_taken; page < ended.last; ++page)
    if (const auto known = coming_.find(ended.chain->keys[page]);
        known != coming_.end() && known->second == id)
      coming_.erase(known);
}

void page_fetches::forget(sequence_id id) {
  const auto found = fetches_.find(id);
  if (found == fetches_.end())
    return;
  if (!found->second.over)
    end(id, found->second);
  fetches_.erase(found);
}

} // namespace troupe
