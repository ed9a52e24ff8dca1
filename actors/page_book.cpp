#include "actors/page_book.hpp"

#include "base/check.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

constexpr uint64_t check_interval = 4096; // requests; a check takes 1 ms at 100,000 pages

page_grant refusal(sequence_id id) {
  page_grant out;
  out.id = id;
  return out;
}

} // namespace

page_book::page_book(int32_t page_count, attention_window window)
    : window_(window), pool_(page_count), index_(pool_) {}

void page_book::use_tier(page_tier tier, const time_source& clock) {
  index_.on_evict(tier.keep);
  fetches_ = std::make_unique<page_fetches>(index_, std::move(tier), clock);
}

bool page_book::take_page(const page_ticket& ticket, std::span<const std::byte> bytes) {
  return fetches_ && fetches_->take(ticket, bytes);
}

page_grants page_book::answer(const page_request& request) {
  for (const auto& computed : request.computed)
    publish(computed);
  for (auto id : request.released)
    release(id);
  page_grants out;
  bool refused = false;
  for (const auto& need : request.needs) {
    // Pages that come back are saved up for the first who was refused: small needs never starve a large one.
    out.grants.push_back(refused ? refusal(need.id) : grant(need));
    refused = refused || !(out.grants.back().granted || out.grants.back().awaits);
  }
  if (++answers_ % check_interval == 0)
    check_conservation();
  out.free_pages = pool_.free_pages();
  out.idle_pages = pool_.idle_pages();
  out.total_pages = pool_.total_pages();
  return out;
}

void page_book::publish(const computed_pages& computed) {
  auto known = tables_.find(computed.id);
  TROUPE_CHECK(known != tables_.end(), fmt::format("pages of sequence {}, which has none", computed.id));
  auto& owner = known->second;
  if (owner.apart || !owner.prefix)
    return;
  const auto& chain = *owner.prefix;
  TROUPE_CHECK(computed.first_page == owner.published, "pages that were computed out of order");
  const std::span tokens(computed.tokens);
  for (size_t at = 0; at + page_tokens <= tokens.size(); at += page_tokens) {
    const auto page = static_cast<size_t>(owner.published);
    if (owner.pages.at(page) == no_page) { // it went before it could be found
      owner.apart = true;
      return;
    }
    const auto content = tokens.subspan(at).first<page_tokens>();
    const auto key = page < chain.keys.size() ? chain.keys[page] : next_key(owner.last, content);
    if (auto promised = expected_.find(key); promised != expected_.end() && promised->second == computed.id)
      expected_.erase(promised);
    if (!index_.publish(chain.root, owner.last, key, content, owner.pages.at(page))) {
      owner.apart = true; // who waits for one of its pages computes it
      return;
    }
    owner.last = key;
    ++owner.published;
  }
}

void page_book::release(sequence_id id) {
  if (fetches_)
    fetches_->forget(id);
  auto known = tables_.find(id);
  if (known == tables_.end())
    return;
  auto& gone = known->second;
  if (gone.prefix)
    for (const auto& key : gone.prefix->keys)
      if (auto promised = expected_.find(key); promised != expected_.end() && promised->second == id)
        expected_.erase(promised);
  std::erase(gone.pages, no_page);
  index_.release(gone.pages);
  tables_.erase(known);
}

/// Gives back the pages that no query at `position` or later sees.
void page_book::forget(std::vector<page_id>& pages, int32_t position) {
  const auto end = std::min(pages.size(), static_cast<size_t>(window_.first_of(position) / page_tokens));
  std::vector<page_id> gone;
  for (auto i = static_cast<size_t>(pages_of(window_.sinks)); i < end; ++i)
    if (const auto page = std::exchange(pages[i], no_page); page != no_page)
      gone.push_back(page);
  index_.release(gone);
}

bool page_book::computed_elsewhere(const page_need& need, size_t page) const {
  if (page >= need.prefix->keys.size())
    return false;
  const auto promised = expected_.find(need.prefix->keys[page]);
  if (promised == expected_.end() || promised->second == need.id)
    return false;
  return !tables_.at(promised->second).apart;
}

page_grant page_book::grant(const page_need& need) {
  auto out = refusal(need.id);
  const auto known = tables_.find(need.id);
  const bool fresh = known == tables_.end();
  const auto have = fresh ? size_t{0} : known->second.pages.size();
  std::vector<page_id> cached;
  if (fresh && need.prefix) {
    const auto usable = (need.tokens - 1) / page_tokens; // the last token is computed in any case
    cached = index_.acquire(*need.prefix, usable);
    out.cached_tokens = static_cast<int32_t>(cached.size()) * page_tokens;
    const bool more = need.may_wait && cached.size() < static_cast<size_t>(usable);
    const bool elsewhere = more && computed_elsewhere(need, cached.size());
    counts_.waits += elsewhere;
    if (elsewhere ||
        (more && fetches_ && fetches_->awaits(need, cached.size(), static_cast<size_t>(usable)))) {
      index_.release(cached);
      out.awaits = true;
      return out;
    }
  }
  const auto computed = fresh ? out.cached_tokens : need.computed;
  forget(fresh ? cached : known->second.pages, computed); // first: they may be what is wanted
  const auto end = need.ahead > 0 ? std::min(need.tokens, computed + need.ahead) : need.tokens;
  const auto want = static_cast<size_t>(pages_of(end));
  auto pages =
      index_.allocate(static_cast<int32_t>(std::max(want, have + cached.size()) - have - cached.size()));
  if (!pages) {
    std::erase(cached, no_page);
    index_.release(cached);
    return refusal(need.id);
  }
  if (fetches_)
    fetches_->forget(need.id);
  out.granted = true;
  out.pages = cached;
  out.pages.insert(out.pages.end(), pages->begin(), pages->end());
  auto& owner = tables_[need.id];
  owner.pages.insert(owner.pages.end(), out.pages.begin(), out.pages.end());
  if (fresh && need.prefix) {
    owner.prefix = need.prefix;
    owner.published = static_cast<int32_t>(cached.size());
    owner.last = need.prefix->parent_of(cached.size());
    for (auto page = cached.size(); page < need.prefix->keys.size(); ++page)
      expected_.try_emplace(need.prefix->keys[page], need.id);
    counts_.queried_tokens += need.tokens;
    counts_.hit_tokens += out.cached_tokens;
  }
  return out;
}

page_counts page_book::counts() const {
  auto out = counts_;
  out.evicted_pages = index_.evictions();
  return out;
}

void page_book::check_conservation() const {
  index_.check_conservation();
  std::vector<int32_t> held(static_cast<size_t>(pool_.total_pages()), 0);
  for (const auto& [id, owner] : tables_)
    for (auto page : owner.pages)
      if (page != no_page)
        ++held.at(static_cast<size_t>(page));
  for (page_id page = 0; page < pool_.total_pages(); ++page)
    TROUPE_CHECK(held[static_cast<size_t>(page)] == pool_.references(page),
                 fmt::format("tables hold page {} {} times, the pool counts {}", page,
                             held[static_cast<size_t>(page)], pool_.references(page)));
  for (const auto& [key, id] : expected_)
    TROUPE_CHECK(tables_.contains(id), fmt::format("sequence {} is to compute a page and has none", id));
}

} // namespace troupe
