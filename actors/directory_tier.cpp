#include "actors/directory_tier.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace troupe {

void directory_tier::keep(const page_identity& identity, page_id page) {
  if (!contains(identity.key))
    (void)worker_->put(identity, pages_->page(page));
}

bool directory_tier::read(const page_identity& identity, directory_worker::read_done done) {
  return worker_->get(identity, std::move(done));
}

void directory_tier::fill(page_id page, std::span<const std::byte> bytes) {
  const auto to = pages_->page(page);
  TROUPE_CHECK(to.size() == bytes.size(), "a page of another size");
  std::ranges::copy(bytes, to.begin());
}

bool directory_tier::save(const page_identity& identity, page_id page, steady_time now, steady_time end) {
  if (now >= end)
    return false;
  if (!contains(identity.key))
    (void)worker_->put(identity, pages_->page(page), std::chrono::duration_cast<milliseconds>(end - now));
  return true;
}

} // namespace troupe
