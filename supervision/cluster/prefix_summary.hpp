#pragma once

#include "actors/messages.hpp"

#include <cstdint>
#include <deque>
#include <vector>

namespace troupe {

/// Hashes of a prompt's beginnings of 1, 2, 4, 8, … pages, shortest first. Those of another tenant or salt
/// differ: they share no page.
std::vector<uint64_t> prefix_hashes(const sequence_spec& spec);

/// Which beginnings this node has computed lately: small enough to travel with each ping. It may name pages
/// that are gone, which costs a prefill.
class prefix_summary {
public:
  void computed(const sequence_spec& spec);
  std::vector<uint64_t> hashes() const { return {recent_.begin(), recent_.end()}; }

private:
  std::deque<uint64_t> recent_; // newest last
};

} // namespace troupe
