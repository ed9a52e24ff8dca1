#include "actors/fair_share.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <limits>

namespace troupe {

namespace {

constexpr size_t accounts_max = 4096; // beyond that many, whoever left is forgotten

} // namespace

int64_t fair_share::least_served() const {
  auto least = std::numeric_limits<int64_t>::max();
  for (const auto& [tenant, known] : accounts_)
    if (known.sequences > 0)
      least = std::min(least, known.served);
  return least == std::numeric_limits<int64_t>::max() ? 0 : least;
}

fair_share::account& fair_share::enter(const std::string& tenant) {
  auto known = accounts_.find(tenant);
  if (known == accounts_.end() || known->second.sequences == 0) {
    const auto start = least_served();
    if (known == accounts_.end())
      known = accounts_.try_emplace(tenant).first;
    known->second.served = std::max(known->second.served, start);
  }
  ++known->second.sequences;
  return known->second;
}

void fair_share::leave(const std::string& tenant) {
  auto known = accounts_.find(tenant);
  TROUPE_CHECK(known != accounts_.end() && known->second.sequences > 0, "a tenant that never came");
  if (--known->second.sequences > 0)
    return;
  // Who was served no more than those who are here owes nothing; with nobody here, nobody does.
  const auto least = least_served();
  const bool idle = std::ranges::none_of(accounts_, [](auto& entry) { return entry.second.sequences > 0; });
  std::erase_if(accounts_, [&](const auto& entry) {
    return entry.second.sequences == 0 &&
           (idle || entry.second.served <= least || accounts_.size() > accounts_max);
  });
}

} // namespace troupe
