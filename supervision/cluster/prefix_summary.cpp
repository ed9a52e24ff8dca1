#include "supervision/cluster/prefix_summary.hpp"

#include "base/page_size.hpp"
#include "supervision/cluster/stable_hash.hpp"
#include "supervision/cluster/wire.hpp"

#include <algorithm>

namespace troupe {

std::vector<uint64_t> prefix_hashes(const sequence_spec& spec) {
  std::vector<uint64_t> out;
  auto hash = stable_hash(spec.cache_salt, stable_hash(spec.tenant));
  size_t next = page_tokens;
  for (size_t i = 0; i < spec.prompt.size(); ++i) {
    hash = mix_hash(hash ^ static_cast<uint64_t>(static_cast<uint32_t>(spec.prompt[i])));
    if (i + 1 == next) {
      out.push_back(hash);
      next *= 2;
    }
  }
  return out;
}

void prefix_summary::computed(const sequence_spec& spec) {
  for (auto hash : prefix_hashes(spec)) {
    std::erase(recent_, hash);
    recent_.push_back(hash);
  }
  while (recent_.size() > wire_prefixes_max)
    recent_.pop_front();
}

} // namespace troupe
