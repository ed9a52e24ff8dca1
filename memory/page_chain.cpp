#include "memory/page_chain.hpp"

namespace troupe {

page_chain page_chain::of(const page_key& root, std::span<const token_id> tokens) {
  const auto pages = tokens.size() / page_tokens;
  page_chain out{root, {tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(pages * page_tokens)}, {}};
  out.keys.reserve(pages);
  for (size_t index = 0; index < pages; ++index)
    out.keys.push_back(next_key(out.parent_of(index), out.tokens_of(index)));
  return out;
}

} // namespace troupe
