#include "supervision/ledger.hpp"

namespace troupe {

bool ledger::adopt(open_entry request, accepted_response acceptance,
                   const std::vector<sampled_token>& emitted, ledger_effects& out) {
  if (by_response_.contains(request.response_id))
    return false;
  const auto id = next_sequence_++;
  const auto response_id = request.response_id;
  by_response_.emplace(response_id, id);
  auto& entry =
      entries_
          .try_emplace(id, id, std::move(request), subscriber_key{}, make_decoder_(), clock_.now(), bytes_)
          .first->second;
  entry.acceptance = std::move(acceptance);
  entry.begin();
  for (const auto& token : emitted)
    if (!entry.ended())
      entry.append(token);
  entry.stamp_end(clock_.unix_seconds());
  if (!entry.ended())
    dispatch(entry, out);
  auto effects = detach(response_id); // the resume window counts from here; its end is told to nobody
  out.cancels.insert(out.cancels.end(), effects.cancels.begin(), effects.cancels.end());
  return true;
}

ledger_effects ledger::end(const std::string& response_id, request_error code, std::string message) {
  ledger_effects out;
  if (auto* entry = find(response_id); entry && !entry->ended()) {
    fail(*entry, code, std::move(message), out);
    settle(*entry, out);
  }
  return out;
}

std::optional<ledger::reader_place> ledger::reader_of(const std::string& response_id) {
  const auto* entry = find(response_id);
  if (!entry || !entry->attached() || entry->settled())
    return std::nullopt;
  return reader_place{entry->subscriber, entry->last_sent()};
}

void ledger::release(const std::string& response_id, ledger_effects& out) {
  auto* entry = find(response_id);
  if (!entry)
    return;
  suspects_.forget(entry->id);
  overtaking_.erase(entry->id);
  if (!entry->ended() && entry->epoch == epoch_ && epoch_ != 0)
    out.cancels.push_back({epoch_, entry->id});
  if (auto kept = kept_.find(entry->id); kept != kept_.end())
    forget_kept(kept);
  else
    forget(entries_, entries_.find(entry->id));
}

sequence_id ledger::sequence_of(const std::string& response_id) const {
  const auto known = by_response_.find(response_id);
  return known == by_response_.end() ? 0 : known->second;
}

} // namespace troupe
