#include "supervision/cluster/prefix_summary.hpp"
#include "supervision/cluster/replicated_ledger.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr epoch_number only_epoch = 1; // as in replicated_ledger.cpp

} // namespace

route_query replicated_ledger::query_of(const owned_entry& entry) const {
  return {.id = entry.record.id,
          .numeric_class = entry.record.notes.numeric_class,
          .prefixes = prefix_hashes(entry.record.request.spec),
          .excluded = entry.attempt.excluded};
}

void replicated_ledger::want_attempt(owned_entry& entry) {
  entry.attempt.wanted = true;
  entry.attempt.wanted_since = clock_.now();
}

void replicated_ledger::stop_attempt(owned_entry& entry, cluster_effects& out) {
  auto& attempt = entry.attempt;
  attempt.wanted = false;
  if (attempt.node.empty())
    return;
  drops_.add(attempt.node, {transfer_purpose::attempt, entry.record.id, attempt.epoch}, clock_.now(), out);
  attempt.node.clear();
  attempt.sender.reset();
}

void replicated_ledger::fail(owned_entry& entry, request_error code, std::string message,
                             cluster_effects& out) {
  act(ledger_.end(entry.record.id, code, std::move(message)), out);
}

void replicated_ledger::tell_buddy_now(owned_entry& entry, cluster_effects& out) {
  note_change(entry);
  if (entry.buddy)
    entry.buddy->pump(entry.record, clock_.now(), out);
}

void replicated_ledger::start_attempt(owned_entry& entry, const std::string& node, cluster_effects& out) {
  auto& attempt = entry.attempt;
  const auto now = clock_.now();
  attempt.wanted = false;
  attempt.node = node;
  attempt.epoch = {entry.record.epoch.owner, attempt.epoch.number + 1};
  attempt.last_news = now;
  attempt.sender.emplace(entry_sender::terms{.purpose = transfer_purpose::attempt,
                                             .target = node,
                                             .epoch = attempt.epoch,
                                             .apart = entry.record.notes.fatal_steps > 0});
  entry.record.notes.runs_on = node;
  tell_buddy_now(entry, out); // if it is the last that this node does, the buddy must know what it was
  routes_.sent(node);
  attempt.sender->pump(entry.record, now, out);
}

void replicated_ledger::tend_attempt(owned_entry& entry, cluster_effects& out) {
  auto& attempt = entry.attempt;
  if (entry.ended)
    return;
  const auto now = clock_.now();
  if (attempt.wanted) {
    const auto node = routes_.pick(query_of(entry));
    if (node)
      return start_attempt(entry, *node, out);
    if (node.error().is(cluster_error::no_node_of_class) && now >= attempt.wanted_since + limits_.class_wait)
      fail(entry, request_error::engine_failed, node.error().message, out);
    return;
  }
  if (attempt.node.empty())
    return;
  // A planned move: the node is to be empty soon, and another can go on. It counts nothing.
  const bool self = attempt.node == members_.self().name;
  const auto known = members_.members().find(attempt.node);
  const bool draining =
      self ? leaving()
           : known != members_.members().end() && (known->second.leaving || known->second.status.draining);
  if (draining && routes_.elsewhere(query_of(entry), attempt.node)) {
    stop_attempt(entry, out);
    return want_attempt(entry);
  }
  if (attempt.sender->held() && now >= attempt.last_news + limits_.attempt_silence) {
    attempt.last_news = now;
    attempt.sender->ask_again();
  }
  attempt.sender->pump(entry.record, now, out);
}

void replicated_ledger::on_attempt_ack(owned_entry& entry, const entry_ack& ack, cluster_effects& out) {
  auto& attempt = entry.attempt;
  if (!attempt.sender->acknowledged(ack))
    return;
  if (ack.answer == transfer_answer::refused) {
    attempt.excluded.insert(attempt.node);
    stop_attempt(entry, out);
    want_attempt(entry);
  } else if (ack.answer == transfer_answer::fenced) {
    if (ack.newest < entry.record.epoch.owner) { // it was computed for somebody who is not its home any more
      stop_attempt(entry, out);
      want_attempt(entry);
    }
    on_fence(entry, ack.newest, out);
  }
}

/// A step that contained the request killed its engine. The request runs apart from now on.
void replicated_ledger::count_fatal_step(owned_entry& entry, cluster_effects& out) {
  auto& notes = entry.record.notes;
  ++notes.fatal_steps;
  tell_buddy_now(entry, out);
  if (notes.fatal_steps >= limits_.fatal_steps_max)
    fail(entry, request_error::engine_failed,
         fmt::format("{} engines died while they computed this request: it is not tried again",
                     notes.fatal_steps),
         out);
}

void replicated_ledger::take(const std::string& from, const attempt_tokens& results, cluster_effects& out) {
  auto* entry = find(results.id);
  if (!entry || entry->ended || entry->attempt.node != from || entry->attempt.epoch != results.epoch) {
    out.stale_tokens += results.tokens.size();
    out.sends.push_back({from, entry_drop{transfer_purpose::attempt, results.id, results.epoch}});
    return;
  }
  auto& emitted = entry->record.emitted;
  step_result step{.epoch = only_epoch, .tokens = {}};
  for (size_t i = 0; i < results.tokens.size(); ++i) {
    if (results.position + i != emitted.size()) {
      out.stale_tokens += results.position + i < emitted.size();
      continue; // known, or behind a gap: the answer below says what is there
    }
    auto token = results.tokens[i];
    token.id = entry->sequence;
    token.position = static_cast<int32_t>(emitted.size());
    emitted.push_back(token);
    step.tokens.push_back(std::move(token));
  }
  out.sends.push_back(
      {from, attempt_tokens_ack{results.id, results.epoch, static_cast<uint32_t>(emitted.size())}});
  if (step.tokens.empty())
    return;
  entry->attempt.taken = results.epoch;
  entry->attempt.last_news = clock_.now();
  entry->attempt.excluded.clear();
  act(ledger_.step(step), out);
  serve_waiting(results.id, out);
}

void replicated_ledger::take(const std::string& from, const attempt_failed& failed, cluster_effects& out) {
  out.sends.push_back({from, entry_drop{transfer_purpose::attempt, failed.id, failed.epoch}});
  auto* entry = find(failed.id);
  if (!entry || entry->ended || entry->attempt.node != from || entry->attempt.epoch != failed.epoch)
    return;
  entry->attempt.excluded.insert(from);
  entry->attempt.node.clear();
  entry->attempt.sender.reset();
  if (failed.in_fatal_step)
    count_fatal_step(*entry, out);
  if (!entry->ended)
    want_attempt(*entry);
}

} // namespace troupe
