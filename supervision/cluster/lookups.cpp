#include "supervision/cluster/lookups.hpp"

#include <algorithm>

namespace troupe {

void lookups::ask(uint64_t number, const lookup& about, const std::set<std::string>& peers,
                  cluster_effects& out) {
  const auto& reader = about.reader.reader;
  for (const auto& peer : peers)
    out.sends.push_back(
        {peer, locate{number, reader.response_id, reader.owner, reader.stream_token, about.cancel}});
}

void lookups::give_up(const lookup& about, cluster_effects& out) {
  const auto& reader = about.reader;
  if (about.cancel)
    return;
  if (reader.ticket == 0)
    return out.lost_readers.push_back({reader.subscriber, reader.reader.response_id});
  auto answer = about.seen
                    ? rejection{request_error::not_ready,
                                "the node that has this response cannot be reached now: try again", "id", 1}
                    : rejection{request_error::response_not_found,
                                "there is no such response that can be resumed with this key and stream "
                                "token, or the time for it is over: ask again",
                                "id", 0};
  out.answers.push_back({reader.ticket, std::move(answer)});
}

bool lookups::add(waiting_reader reader, bool cancel, const std::set<std::string>& peers, steady_time now,
                  cluster_effects& out) {
  if (lookups_.size() >= limits_.lookups_max)
    return false;
  lookup fresh{.reader = std::move(reader),
               .cancel = cancel,
               .denied = {},
               .since = now,
               .next = now + limits_.ask_every};
  ask(next_, fresh, peers, out);
  lookups_.emplace(next_++, std::move(fresh));
  return true;
}

void lookups::take(const std::string& from, const located& answer) {
  const auto found = lookups_.find(answer.lookup);
  if (found == lookups_.end() || found->second.reader.reader.response_id != answer.id)
    return;
  auto& asked = found->second;
  if (answer.state == located_state::cancelled) {
    if (asked.cancel)
      lookups_.erase(found);
  } else if (answer.state == located_state::unknown) {
    asked.denied.insert(from);
  } else {
    asked.seen = true;
    asked.denied.erase(from);
  }
}

std::vector<waiting_reader> lookups::found(const std::string& response_id) {
  std::vector<waiting_reader> out;
  for (auto at = lookups_.begin(); at != lookups_.end();) {
    if (at->second.reader.reader.response_id != response_id) {
      ++at;
      continue;
    }
    if (!at->second.cancel)
      out.push_back(std::move(at->second.reader));
    at = lookups_.erase(at);
  }
  return out;
}

void lookups::tick(const std::set<std::string>& peers, bool incomplete, steady_time now,
                   cluster_effects& out) {
  for (auto at = lookups_.begin(); at != lookups_.end();) {
    auto& asked = at->second;
    asked.seen = asked.seen || incomplete;
    const bool nobody = std::ranges::includes(asked.denied, peers);
    if (now >= asked.since + limits_.ask_max || (nobody && !asked.seen)) {
      give_up(asked, out);
      at = lookups_.erase(at);
      continue;
    }
    if (now >= asked.next) {
      asked.next = now + limits_.ask_every;
      ask(at->first, asked, peers, out);
    }
    ++at;
  }
}

} // namespace troupe
