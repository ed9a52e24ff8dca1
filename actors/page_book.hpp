#pragma once

#include "actors/messages.hpp"
#include "actors/page_fetches.hpp"
#include "base/attention_window.hpp"
#include "memory/page_pool.hpp"
#include "memory/prefix_index.hpp"

#include <unordered_map>

namespace troupe {

/// What became of page requests since the start.
struct page_counts {
  int64_t queried_tokens = 0; // looked up, of sequences that got their pages
  int64_t hit_tokens = 0;     // of those: found
  int64_t waits = 0;          // answers "another sequence is computing it"
  int64_t evicted_pages = 0;
};

/// Who holds which KV pages: the page manager without the actor. Sequences with the same beginning share its
/// pages. A page can be found once it is computed, and while it is being computed others may wait for it;
/// those who compute wait for nobody, so no circle can close. Pages that fall out of the window go back.
class page_book {
public:
  explicit page_book(int32_t page_count, attention_window window = {});

  /// From now on pages that are evicted go there, and are found there. Before the first request; clock must
  /// outlive this.
  void use_tier(page_tier tier, const time_source& clock);

  page_grants answer(const page_request& request);

  /// A page that the tier read; empty: it could not. True: whoever waits should ask again, now.
  bool take_page(const page_ticket& ticket, std::span<const std::byte> bytes);

  /// To be called now and then while the tier reads(). True: as above.
  bool expire_reads() { return fetches_ && fetches_->expire(); }
  bool reads() const { return fetches_ && fetches_->active(); }

  /// The pages that nobody uses, the most recently used first, until `visit` returns false.
  void for_each_idle(const std::function<bool(const page_identity&, page_id)>& visit) const {
    index_.for_each_idle(visit);
  }

  int32_t free_pages() const { return pool_.free_pages(); }
  int32_t idle_pages() const { return pool_.idle_pages(); }
  int32_t used_pages() const { return pool_.used_pages(); }
  page_counts counts() const;

  /// Used pages are exactly those in tables; see also page_pool and prefix_index. Looks at every page: for
  /// tests, and for a sample of the requests.
  void check_conservation() const;

private:
  struct table {
    std::vector<page_id> pages;               // in order of position; no_page: given back
    std::shared_ptr<const page_chain> prefix; // as in page_need
    page_key last;                            // of the last page that can be found
    int32_t published = 0;                    // pages that can be found, from the first on
    bool apart = false;                       // what follows can not be found any more
  };

  void publish(const computed_pages& computed);
  void release(sequence_id id);
  page_grant grant(const page_need& need);
  void forget(std::vector<page_id>& pages, int32_t position);
  bool computed_elsewhere(const page_need& need, size_t page) const;

  attention_window window_;
  page_pool pool_;
  prefix_index index_;
  std::unordered_map<sequence_id, table> tables_;
  std::unordered_map<page_key, sequence_id> expected_; // pages that this sequence is going to compute
  std::unique_ptr<page_fetches> fetches_;              // null: there is no other tier
  page_counts counts_;
  uint64_t answers_ = 0;
};

} // namespace troupe
