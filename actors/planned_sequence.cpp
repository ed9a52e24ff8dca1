#include "actors/planned_sequence.hpp"

#include "base/page_size.hpp"

#include <algorithm>

namespace troupe {

int32_t planned_sequence::known() const {
  return static_cast<int32_t>(dispatch.spec.prompt.size() + dispatch.emitted.size());
}

std::vector<token_id> planned_sequence::tokens(int32_t from, int32_t to) const {
  const auto& prompt = dispatch.spec.prompt;
  std::vector<token_id> out;
  out.reserve(static_cast<size_t>(to - from));
  for (auto position = static_cast<size_t>(from); position < static_cast<size_t>(to); ++position)
    out.push_back(position < prompt.size() ? prompt[position]
                                           : dispatch.emitted.at(position - prompt.size()));
  return out;
}

int32_t planned_sequence::capacity() const {
  return static_cast<int32_t>(block_table.size()) * page_tokens;
}

int32_t planned_sequence::wanted() const {
  const auto last = static_cast<int32_t>(dispatch.spec.prompt.size()) + dispatch.spec.max_tokens;
  return std::min(known() + (in_step ? 1 : 0), last);
}

computed_pages planned_sequence::newly_computed() {
  const auto full = computed / page_tokens;
  computed_pages out{dispatch.id, reported, tokens(reported * page_tokens, full * page_tokens)};
  reported = full;
  return out;
}

void planned_sequence::take(token_id token) {
  dispatch.emitted.push_back(token);
  if (dispatch.group != 0 && --dispatch.apart_tokens <= 0)
    dispatch.group = 0;
  ++account->served;
}

void planned_sequence::give_way() {
  block_table.clear();
  prefix = nullptr;
  computed = reported = 0;
  running = false;
  may_wait = true;
  awaited_tokens = 0;
}

} // namespace troupe
