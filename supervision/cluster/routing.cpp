#include "supervision/cluster/routing.hpp"

#include "supervision/cluster/stable_hash.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace troupe {

namespace {

constexpr uint32_t waiting_per_slot_max = 4; // more and a node takes nothing new

/// How many of the beginnings are cached there, counted from the shortest: the last one that is.
size_t matched(const std::vector<uint64_t>& prefixes, const node_status& status) {
  for (auto at = prefixes.size(); at > 0; --at)
    if (std::ranges::find(status.prefixes, prefixes[at - 1]) != status.prefixes.end())
      return at;
  return 0;
}

} // namespace

std::vector<routing::candidate> routing::candidates(const route_query& query) const {
  std::vector<candidate> out;
  const auto& self = members_.self();
  if (self.numeric_class == query.numeric_class && !own_.draining)
    out.push_back({self.name, &own_});
  for (const auto& [name, known] : members_.members())
    if (known.card.numeric_class == query.numeric_class && !known.suspected && !known.leaving &&
        !known.status.draining)
      out.push_back({name, &known.status});
  return out;
}

bool routing::elsewhere(const route_query& query, const std::string& but) const {
  return std::ranges::any_of(candidates(query), [&](const candidate& each) { return each.node != but; });
}

result<std::string> routing::pick(const route_query& query) const {
  auto there = candidates(query);
  if (there.empty())
    return failure(cluster_error::no_node_of_class,
                   fmt::format("no node of numeric class {:016x} takes work: start one with the same model, "
                               "kernels and device",
                               query.numeric_class));
  // Those that failed it come last: better than nobody.
  if (std::ranges::any_of(there, [&](const auto& each) { return !query.excluded.contains(each.node); }))
    std::erase_if(there, [&](const auto& each) { return query.excluded.contains(each.node); });
  const auto load = [&](const candidate& each) {
    const auto found = sent_.find(each.node);
    return each.status->running + each.status->waiting + (found == sent_.end() ? 0 : found->second);
  };
  std::erase_if(there, [&](const candidate& each) {
    return load(each) >= (1 + waiting_per_slot_max) * std::max(1u, each.status->capacity);
  });
  if (there.empty())
    return failure(cluster_error::nodes_full, "every node of the request's class is full: retry later");
  const auto rank = [&](const candidate& each) {
    // Loads are compared as shares of the capacity, in thousandths.
    const auto share = 1000 * load(each) / std::max(1u, each.status->capacity);
    return std::tuple(matched(query.prefixes, *each.status), UINT32_MAX - share,
                      rendezvous_score(query.id, each.node));
  };
  return std::ranges::max_element(there, {}, rank)->node;
}

} // namespace troupe
