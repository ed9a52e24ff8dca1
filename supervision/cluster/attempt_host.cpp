#include "supervision/cluster/attempt_host.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr uint32_t report_tokens_max = 1024; // in one message

} // namespace

attempt_host::attempt* attempt_host::find(const std::string& id, const attempt_epoch& epoch) {
  const auto found = attempts_.find(id);
  return found != attempts_.end() && found->second.assembly.record().epoch == epoch ? &found->second
                                                                                    : nullptr;
}

attempt_host::attempt_map::iterator attempt_host::forget(attempt_map::iterator at, cluster_effects& out) {
  if (at->second.run != 0) {
    runs_.erase(at->second.run);
    out.stops.push_back(at->second.run);
  }
  bytes_ -= at->second.counted;
  return attempts_.erase(at);
}

void attempt_host::answer(const attempt& about, cluster_effects& out) {
  out.sends.push_back({about.home, about.assembly.ack(transfer_purpose::attempt)});
}

void attempt_host::take(const std::string& home, const entry_head& head, steady_time now,
                        cluster_effects& out) {
  const auto found = attempts_.find(head.id);
  if (found != attempts_.end()) {
    auto& known = found->second;
    const auto& newest = known.assembly.record().epoch;
    if (head.epoch < newest) {
      out.sends.push_back({home, entry_ack{.purpose = transfer_purpose::attempt,
                                           .id = head.id,
                                           .epoch = head.epoch,
                                           .answer = transfer_answer::fenced,
                                           .newest = newest.owner}});
      return;
    }
    if (head.epoch == newest) {
      answer(known, out);
      return report(known, known.acked, now, out);
    }
    forget(found, out);
  }
  const auto bytes = promised_bytes(head);
  if (attempts_.size() >= limits_.attempts_max || bytes_ + bytes > limits_.bytes_max) {
    out.sends.push_back({home, entry_ack{.purpose = transfer_purpose::attempt,
                                         .id = head.id,
                                         .epoch = head.epoch,
                                         .answer = transfer_answer::refused,
                                         .newest = {}}});
    return;
  }
  bytes_ += bytes;
  auto& fresh = attempts_
                    .emplace(head.id, attempt{.assembly = entry_assembly(head, now),
                                              .home = home,
                                              .apart = head.apart,
                                              .acked = head.tokens,
                                              .counted = bytes,
                                              .failed = {},
                                              .last_sent = now})
                    .first->second;
  start_if_complete(fresh, out);
  answer(fresh, out);
}

void attempt_host::take(const std::string&, const entry_prompt& part, cluster_effects& out) {
  auto* known = find(part.id, part.epoch);
  if (!known)
    return;
  known->assembly.take(part);
  start_if_complete(*known, out);
  answer(*known, out);
}

void attempt_host::take(const std::string&, const entry_tokens& part, cluster_effects& out) {
  auto* known = find(part.id, part.epoch);
  if (!known)
    return;
  if (known->run == 0)
    known->assembly.take(part);
  start_if_complete(*known, out);
  answer(*known, out);
}

void attempt_host::start_if_complete(attempt& started, cluster_effects& out) {
  if (started.run != 0 || started.failed || !started.assembly.complete())
    return;
  started.run = next_run_++;
  const auto& record = started.assembly.record();
  runs_[started.run] = record.id;
  attempt_start run{.run = started.run,
                    .id = record.id,
                    .spec = record.request.spec,
                    .emitted = {},
                    .apart = started.apart};
  for (const auto& token : record.emitted)
    run.emitted.push_back(token.token);
  out.starts.push_back(std::move(run));
}

void attempt_host::take(const std::string& home, const entry_drop& drop, cluster_effects& out) {
  const auto found = attempts_.find(drop.id);
  if (found != attempts_.end() && found->second.assembly.record().epoch <= drop.epoch)
    forget(found, out);
  out.sends.push_back({home, entry_drop_ack{drop.purpose, drop.id, drop.epoch}});
}

void attempt_host::take(const std::string&, const attempt_tokens_ack& ack) {
  auto* known = find(ack.id, ack.epoch);
  if (!known)
    return;
  known->acked = std::max(known->acked, ack.tokens);
}

void attempt_host::computed(run_id run, const std::vector<sampled_token>& tokens, steady_time now,
                            cluster_effects& out) {
  const auto named = runs_.find(run);
  if (named == runs_.end())
    return;
  auto& known = attempts_.at(named->second);
  const auto& emitted = known.assembly.record().emitted;
  const auto from = static_cast<uint32_t>(emitted.size());
  known.assembly.take(entry_tokens{.epoch = {}, .position = from, .tokens = tokens, .notes = {}});
  known.finished = known.finished || (!tokens.empty() && tokens.back().finish != finish_reason::none);
  report(known, from, now, out);
}

/// What the home does not have, from a position on; a failure too.
void attempt_host::report(attempt& about, uint32_t from, steady_time now, cluster_effects& out) {
  const auto& record = about.assembly.record();
  if (about.run == 0 && !about.failed)
    return;
  about.last_sent = now;
  const auto end = std::min(static_cast<uint32_t>(record.emitted.size()), from + report_tokens_max);
  if (from < end)
    out.sends.push_back(
        {about.home,
         attempt_tokens{
             record.id, record.epoch, from, {record.emitted.begin() + from, record.emitted.begin() + end}}});
  if (about.failed && end == record.emitted.size())
    out.sends.push_back({about.home, attempt_failed{record.id, record.epoch, *about.failed}});
}

void attempt_host::engine_died(const std::set<run_id>& in_step, cluster_effects& out) {
  for (auto& [id, each] : attempts_) {
    if (each.run == 0 || each.finished)
      continue;
    each.failed = in_step.contains(each.run);
    runs_.erase(std::exchange(each.run, 0));
    const auto& record = each.assembly.record();
    out.sends.push_back({each.home, attempt_failed{record.id, record.epoch, *each.failed}});
  }
}

void attempt_host::lose_home(const std::string& home, cluster_effects& out) {
  for (auto at = attempts_.begin(); at != attempts_.end();)
    at = at->second.home == home ? forget(at, out) : std::next(at);
}

void attempt_host::tick(steady_time now, cluster_effects& out) {
  for (auto at = attempts_.begin(); at != attempts_.end();) {
    auto& each = at->second;
    const auto& record = each.assembly.record();
    if (now >= record.deadline || (each.finished && each.acked >= record.emitted.size())) {
      at = forget(at, out);
      continue;
    }
    if (now >= each.last_sent + limits_.resend_after)
      report(each, each.acked, now, out);
    ++at;
  }
}

} // namespace troupe
