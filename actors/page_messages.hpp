#pragma once

#include "base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

/// Messages of the page manager beside those in messages.hpp: what a slower tier of pages answers.
namespace troupe {

/// Names one read of a page, so that its answer finds back.
struct page_ticket {
  sequence_id id = 0; // for which it is read
  uint64_t fetch = 0; // counts fetches
  size_t page = 0;    // in the sequence's chain
};

/// From the KV directory's thread: what a read gave.
struct fetched_page {
  page_ticket ticket;
  std::shared_ptr<const std::vector<std::byte>> bytes; // null: there is no such page, or no sound one
};

/// Page manager → batcher: pages came from the KV directory, or will not; sequences that await pages may ask.
struct page_news {};

} // namespace troupe
