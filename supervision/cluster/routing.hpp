#pragma once

#include "base/result.hpp"
#include "supervision/cluster/errors.hpp"
#include "supervision/cluster/membership.hpp"

#include <map>
#include <set>
#include <string>

namespace troupe {

/// What is to be run, as far as its place matters.
struct route_query {
  std::string id = {};
  uint64_t numeric_class = 0;
  std::vector<uint64_t> prefixes = {}; // prefix_hashes() of its prompt
  std::set<std::string> excluded = {}; // nodes that refused it, or died with it
};

/// Picks the node whose engine runs a request: of the same numeric class, neither suspected nor draining,
/// with room; there the longest cached prefix, then the least load, then the rendezvous hash. Its view may be
/// stale, which costs speed only. Plain code.
class routing {
public:
  /// This node, and the others as membership sees them; both must outlive it.
  explicit routing(const membership& members) : members_(members) {}

  void set_own_status(node_status own) { own_ = std::move(own); }

  /// Errors: no_node_of_class (nobody has its class, were it free), nodes_full.
  result<std::string> pick(const route_query& query) const;

  /// A node of the class is there and takes new work: somewhere to move to.
  bool elsewhere(const route_query& query, const std::string& but) const;

  /// Sent since the node's last status: so a burst spreads.
  void sent(const std::string& node) { ++sent_[node]; }

  /// Its status came anew.
  void heard(const std::string& node) { sent_.erase(node); }

private:
  struct candidate {
    std::string node = {};
    const node_status* status = nullptr;
  };

  std::vector<candidate> candidates(const route_query& query) const;

  const membership& members_;
  node_status own_;
  std::map<std::string, uint32_t> sent_;
};

} // namespace troupe
