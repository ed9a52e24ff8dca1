#include "memory/prefix_index.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int leaf_search_max = 8; // steps from the oldest idle page to one that is the end of a chain

} // namespace

prefix_index::prefix_index(page_pool& pool) : pool_(pool) {
  const auto count = static_cast<size_t>(pool.total_pages());
  nodes_.resize(count);
  slot_of_page_.assign(count, none);
  unused_.reserve(count);
  for (slot index = pool.total_pages() - 1; index >= 0; --index)
    unused_.push_back(index);
}

prefix_index::slot prefix_index::find(const page_key& root, slot parent, const page_key& key,
                                      std::span<const token_id, page_tokens> tokens) const {
  const auto known = slots_.find(key);
  if (known == slots_.end())
    return none;
  const auto& found = at(known->second);
  const bool same = found.root == root && found.parent == parent && std::ranges::equal(found.tokens, tokens);
  return same ? known->second : none;
}

std::vector<page_id> prefix_index::acquire(const page_chain& chain, int32_t pages_max) {
  std::vector<page_id> pages;
  slot last = none;
  const auto limit = std::min(chain.keys.size(), static_cast<size_t>(std::max(pages_max, 0)));
  while (pages.size() < limit) {
    last = find(chain.root, last, chain.keys[pages.size()], chain.tokens_of(pages.size()));
    if (last == none)
      break;
    pages.push_back(at(last).page);
    pool_.add_reference(pages.back());
    if (at(last).idle)
      set_used(last);
  }
  return pages;
}

result<std::vector<page_id>> prefix_index::allocate(int32_t count) {
  if (count <= available_pages())
    while (pool_.free_pages() < count)
      evict_one();
  return pool_.allocate(count);
}

void prefix_index::release(std::span<const page_id> pages) {
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) {
    pool_.release({&*page, 1});
    const auto index = slot_of_page_[static_cast<size_t>(*page)];
    if (index != none && pool_.references(*page) == 0)
      set_idle(index);
  }
}

bool prefix_index::publish(const page_key& root, const page_key& parent, const page_key& key,
                           std::span<const token_id, page_tokens> tokens, page_id page) {
  slot above = none;
  if (!(parent == root)) {
    const auto known = slots_.find(parent);
    if (known == slots_.end() || !(at(known->second).root == root))
      return false;
    above = known->second;
  }
  if (const auto known = slots_.find(key); known != slots_.end()) {
    const auto same = find(root, above, key, tokens);
    if (same == none)
      return false;
    auto& twin = at(same);
    if (twin.page != page && twin.idle) {
      set_used(same);
      slot_of_page_[static_cast<size_t>(twin.page)] = none;
      pool_.forget(twin.page);
      pool_.keep(page);
      twin.page = page;
      slot_of_page_[static_cast<size_t>(page)] = same;
    }
    return true;
  }
  TROUPE_CHECK(slot_of_page_.at(static_cast<size_t>(page)) == none, "a page with two contents");
  pool_.keep(page);
  const auto index = unused_.back();
  unused_.pop_back();
  auto& added = at(index);
  added = node{};
  added.root = root;
  added.key = key;
  std::ranges::copy(tokens, added.tokens.begin());
  added.page = page;
  added.parent = above;
  if (above != none) {
    added.next_sibling = at(above).first_child;
    if (added.next_sibling != none)
      at(added.next_sibling).previous_sibling = index;
    at(above).first_child = index;
  }
  slots_.emplace(key, index);
  slot_of_page_[static_cast<size_t>(page)] = index;
  return true;
}

/// Whoever holds a page nearly always holds those before it, and gives them back end first, so the oldest
/// idle page is nearly always an end. It is not where a twin's chain went on behind ours; then what hangs on
/// it goes out of the index too, and pages in use among that stay with those who use them.
void prefix_index::evict_one() {
  auto victim = oldest_;
  for (int i = 0; i < leaf_search_max && victim != none && at(victim).first_child != none; ++i)
    victim = at(victim).newer;
  if (victim == none)
    victim = oldest_;
  TROUPE_CHECK(victim != none, "idle pages that are in no list");
  remove(victim);
}

void prefix_index::remove(slot index) {
  unlink(index);
  std::vector<slot> subtree{index};
  while (!subtree.empty()) {
    const auto gone = subtree.back();
    subtree.pop_back();
    auto& removed = at(gone);
    for (auto child = removed.first_child; child != none; child = at(child).next_sibling)
      subtree.push_back(child);
    if (removed.idle) {
      if (on_evict_)
        on_evict_(identity_of(removed), removed.page);
      ++evictions_;
      set_used(gone); // out of the list
    }
    slot_of_page_[static_cast<size_t>(removed.page)] = none;
    pool_.forget(removed.page);
    slots_.erase(removed.key);
    removed.page = none;
    unused_.push_back(gone);
  }
}

/// Of a node that is being removed, its parent may be gone, but nothing has taken its place yet.
page_identity prefix_index::identity_of(const node& known) const {
  return {.root = known.root,
          .parent = known.parent == none ? known.root : at(known.parent).key,
          .key = known.key,
          .tokens = known.tokens};
}

void prefix_index::for_each_idle(const std::function<bool(const page_identity&, page_id)>& visit) const {
  for (auto index = newest_; index != none; index = at(index).older)
    if (!visit(identity_of(at(index)), at(index).page))
      return;
}

void prefix_index::unlink(slot index) {
  const auto& gone = at(index);
  if (gone.previous_sibling != none)
    at(gone.previous_sibling).next_sibling = gone.next_sibling;
  else if (gone.parent != none)
    at(gone.parent).first_child = gone.next_sibling;
  if (gone.next_sibling != none)
    at(gone.next_sibling).previous_sibling = gone.previous_sibling;
}

void prefix_index::set_idle(slot index) {
  auto& rests = at(index);
  rests.idle = true;
  rests.older = newest_;
  rests.newer = none;
  if (newest_ != none)
    at(newest_).newer = index;
  newest_ = index;
  if (oldest_ == none)
    oldest_ = index;
}

void prefix_index::set_used(slot index) {
  auto& taken = at(index);
  (taken.older != none ? at(taken.older).newer : oldest_) = taken.newer;
  (taken.newer != none ? at(taken.newer).older : newest_) = taken.older;
  taken.older = taken.newer = none;
  taken.idle = false;
}

void prefix_index::check_conservation() const {
  pool_.check_conservation();
  int32_t listed = 0;
  for (auto index = oldest_; index != none; index = at(index).newer, ++listed)
    TROUPE_CHECK(at(index).idle && listed <= pages(), "the list of idle pages is broken");
  TROUPE_CHECK(listed == pool_.idle_pages(),
               fmt::format("{} pages are listed as idle, the pool counts {}", listed, pool_.idle_pages()));
  for (const auto& [key, index] : slots_) {
    const auto& known = at(index);
    TROUPE_CHECK(known.key == key && slot_of_page_.at(static_cast<size_t>(known.page)) == index,
                 "a page's place in the index is not its own");
    TROUPE_CHECK(known.idle == (pool_.references(known.page) == 0),
                 fmt::format("page {} is idle and used", known.page));
    TROUPE_CHECK(known.parent == none || at(known.parent).page != none, "a page without its beginning");
  }
}

} // namespace troupe
