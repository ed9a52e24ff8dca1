#pragma once

#include "memory/page_chain.hpp"
#include "memory/page_identity.hpp"
#include "memory/page_pool.hpp"

#include <array>
#include <functional>
#include <unordered_map>

namespace troupe {

/// Which full pages hold which tokens: a tree over their keys. Pages without a reference stay, and go when
/// others are wanted: the least recently used first, and of a chain its end first. A page's tokens and its
/// place in the tree are compared, not only the key: no collision of keys can give a sequence wrong pages.
class prefix_index {
public:
  /// The pool must outlive this.
  explicit prefix_index(page_pool& pool);

  /// The pages of the longest known beginning, at most `pages_max`, with one reference more for each.
  std::vector<page_id> acquire(const page_chain& chain, int32_t pages_max);

  /// `count` pages with one reference each, or none at all; idle pages are evicted for it.
  /// Errors: out_of_pages, too_large.
  result<std::vector<page_id>> allocate(int32_t count);

  /// Gives references back. `pages` in order of position: a chain's end is evicted before its beginning.
  void release(std::span<const page_id> pages);

  /// From now on the used page `page`, whose keys and values are computed, can be found. Where another page
  /// has the same content already, that one stays, unless nobody uses it: then ours takes its place.
  /// False: what comes before it is not there (any more), so it cannot be.
  bool publish(const page_key& root, const page_key& parent, const page_key& key,
               std::span<const token_id, page_tokens> tokens, page_id page);

  /// Called before the content of a page without references is given up.
  void on_evict(std::function<void(const page_identity&, page_id)> call) { on_evict_ = std::move(call); }

  /// The pages without a reference, the most recently used first, until `visit` returns false.
  void for_each_idle(const std::function<bool(const page_identity&, page_id)>& visit) const;

  int32_t pages() const { return static_cast<int32_t>(slots_.size()); }
  int32_t available_pages() const { return pool_.free_pages() + pool_.idle_pages(); }
  int64_t evictions() const { return evictions_; }

  /// Every node has a kept page of its own, a parent that is there, and hangs in the list of idle pages
  /// exactly if its page has no reference. Looks at every page; so does the pool's check, which is included.
  void check_conservation() const;

private:
  using slot = int32_t; // index into nodes_
  static constexpr slot none = -1;

  struct node {
    page_key root, key;
    std::array<token_id, page_tokens> tokens{};
    page_id page = none;
    slot parent = none, first_child = none, previous_sibling = none, next_sibling = none;
    slot older = none, newer = none; // in the list of idle pages
    bool idle = false;
  };

  node& at(slot index) { return nodes_[static_cast<size_t>(index)]; }
  const node& at(slot index) const { return nodes_[static_cast<size_t>(index)]; }
  slot find(const page_key& root, slot parent, const page_key& key,
            std::span<const token_id, page_tokens> tokens) const;
  page_identity identity_of(const node& known) const;
  void evict_one();
  void remove(slot index);
  void unlink(slot index);
  void set_idle(slot index);
  void set_used(slot index);

  page_pool& pool_;
  std::vector<node> nodes_;
  std::vector<slot> unused_;
  std::unordered_map<page_key, slot> slots_;
  std::vector<slot> slot_of_page_; // [page]; none: not in the index
  slot oldest_ = none, newest_ = none;
  int64_t evictions_ = 0;
  std::function<void(const page_identity&, page_id)> on_evict_;
};

} // namespace troupe
