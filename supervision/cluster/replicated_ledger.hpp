#pragma once

#include "supervision/cluster/lookups.hpp"
#include "supervision/cluster/pending_drops.hpp"
#include "supervision/cluster/replica_store.hpp"
#include "supervision/cluster/routing.hpp"

#include <map>
#include <set>
#include <string>

namespace troupe {

struct replication_limits {
  ledger_limits ledger;
  lookup_limits lookup;
  int64_t head_bytes_max = 192 * 1024; // of a request without its prompt: it travels in one message
  milliseconds buddy_wait{700};        // for its answer, before another is tried
  milliseconds accept_max{5000};       // for any buddy; then the request is refused
  milliseconds class_wait{5000};       // for a node that computes the same bits; then the answer fails
  milliseconds attempt_silence{1000};  // without a token: the node is asked whether it still has the request
  milliseconds owner_wait{1500};       // for a newer owner that others know of to say that it is one
  milliseconds announce_every{2000};   // what was taken over or moved: a second owner may not have heard
  milliseconds leave_max{10'000};      // for answers that are being read to finish, and to hand the rest on
  uint32_t fatal_steps_max = 3;        // that contained the request; then it fails
};

/// The ledger of a node in a cluster: the plain ledger with its entries, and for each of them a copy at a
/// buddy, an attempt on some node's engine, and moves to other homes. A request is accepted once a buddy has
/// it: of all members the one with the highest rendezvous hash for its id, whatever its class (it keeps it;
/// who computes it is routing's business). Without members it is accepted alone. All that ends an attempt
/// ends in the same step: the entry, its tokens and the next epoch go to the node that routing picks. Plain
/// code, no I/O; entries of readers that cannot come back (no stream token) are not copied.
class replicated_ledger {
public:
  /// clock, members, routes and copies must outlive it.
  replicated_ledger(replication_limits limits, make_text_decoder decoder, const time_source& clock,
                    const membership& members, routing& routes, replica_store& copies,
                    token_bytes_of bytes = {});

  // From doors. A ticket is answered once.
  void submit(open_entry request, subscriber_key subscriber, ticket_id ticket, cluster_effects& out);
  void attach(const attach_reader& reader, subscriber_key subscriber, ticket_id ticket, cluster_effects& out);

  /// Wherever the response lives; terms as for attach.
  void cancel(const attach_reader& who, cluster_effects& out);

  /// By the door that reads it here.
  void cancel(const cancel_response& here, cluster_effects& out);
  void acknowledge(const acknowledge_events& ack, cluster_effects& out);
  void detach(const std::string& response_id, cluster_effects& out);
  void lose_subscriber(subscriber_key subscriber, cluster_effects& out);

  // From other nodes, or this one's own engine.
  void take(const std::string& from, const entry_ack& ack, cluster_effects& out);
  void take(const std::string& from, const entry_drop_ack& ack) { drops_.take(from, ack); }
  void take(const std::string& from, const locate& asked, cluster_effects& out);
  void take(const std::string& from, const located& answer) { lookups_.take(from, answer); }
  void take(const std::string& from, const announce& told, cluster_effects& out);
  void take(const std::string& from, const attempt_tokens& results, cluster_effects& out);
  void take(const std::string& from, const attempt_failed& failed, cluster_effects& out);

  /// True: a copy or move of something that this node owns; it is dealt with. Else it is the store's.
  bool owns_already(const std::string& from, const entry_head& head, cluster_effects& out);

  /// Moves that are complete in the store become ours.
  void take_arrived(cluster_effects& out);
  void member_changed(const member_event& event, cluster_effects& out);
  void tick(cluster_effects& out);

  /// Takes nothing new, hands on what it has: until handed_on().
  void leave();
  bool handed_on(bool engine_empty) const;
  bool leaving() const { return leave_until_.has_value(); }

  /// Its own life was renewed, or a peer's: say what is owned here.
  void announce_all(const std::string& to, cluster_effects& out);

  const std::map<std::string, owned_entry>& owned() const { return owned_; }
  size_t lookups_waiting() const { return lookups_.size(); }
  size_t drops_waiting() const { return drops_.size(); }

private:
  using entry_map = std::map<std::string, owned_entry>; // by response id

  // Accepting, and the buddy (replicated_ledger.cpp)
  void act(ledger_effects effects, cluster_effects& out);
  void accept(owned_entry& entry, cluster_effects& out);
  void reject(const std::string& id, rejection why, cluster_effects& out);
  std::optional<rejection> refuse(const open_entry& request) const;
  std::optional<std::string> choose_buddy(const owned_entry& entry) const;
  void look_for_buddy(owned_entry& entry, cluster_effects& out);
  void give_buddy_up(owned_entry& entry, cluster_effects& out);
  void on_copy_ack(owned_entry& entry, const entry_ack& ack, cluster_effects& out);
  void tend_unaccepted(owned_entry& entry, cluster_effects& out);
  bool resumable(const owned_entry& entry) const;
  void note_change(owned_entry& entry) { ++entry.record.notes.revision; }
  void forget(const std::string& id, cluster_effects& out);
  owned_entry* find(const std::string& id);
  std::set<std::string> peers() const;

  // Homes (replicated_ledger_moves.cpp); deaths and departures (replicated_ledger_members.cpp)
  owned_entry& adopt(entry_record record, cluster_effects& out);
  void take_over(entry_record record, bool fatal, cluster_effects& out);
  void start_move(owned_entry& entry, const std::string& target, cluster_effects& out);
  void finish_move(const std::string& id, cluster_effects& out);
  void abandon_move(owned_entry& entry, bool gone, cluster_effects& out);
  void raise_term(owned_entry& entry, uint32_t term, cluster_effects& out);
  void confirm_move(owned_entry& entry, cluster_effects& out);
  void on_fence(owned_entry& entry, const ownership& newest, cluster_effects& out);
  void meet_owner(const std::string& from, const announced_entry& other, cluster_effects& out);
  void yield(const std::string& id, const ownership& newer, cluster_effects& out);
  announced_entry announced(const owned_entry& entry);
  void announce_to(const std::string& peer, uint32_t least_term, cluster_effects& out);
  bool someone_missing() const;
  void try_attach(owned_entry& entry, waiting_reader reader, cluster_effects& out);
  void cancel_here(const std::string& id, cluster_effects& out);
  void serve_waiting(const std::string& id, cluster_effects& out);
  void announce_one(const owned_entry& entry, cluster_effects& out);
  void announce_again(cluster_effects& out);
  void hand_on(cluster_effects& out);

  // Attempts (replicated_ledger_attempts.cpp)
  void want_attempt(owned_entry& entry);
  void stop_attempt(owned_entry& entry, cluster_effects& out);
  void tend_attempt(owned_entry& entry, cluster_effects& out);
  void start_attempt(owned_entry& entry, const std::string& node, cluster_effects& out);
  void tell_buddy_now(owned_entry& entry, cluster_effects& out);
  void count_fatal_step(owned_entry& entry, cluster_effects& out);
  void fail(owned_entry& entry, request_error code, std::string message, cluster_effects& out);
  void on_attempt_ack(owned_entry& entry, const entry_ack& ack, cluster_effects& out);
  route_query query_of(const owned_entry& entry) const;

  replication_limits limits_;
  const time_source& clock_;
  const membership& members_;
  routing& routes_;
  replica_store& copies_;
  ledger ledger_;
  lookups lookups_;
  pending_drops drops_;
  entry_map owned_;
  std::map<sequence_id, std::string> by_sequence_;
  std::optional<steady_time> leave_until_;
  steady_time started_;
  steady_time announced_{};                    // last, to all
  std::map<std::string, steady_time> missing_; // nodes that died lately and did not come back
};

} // namespace troupe
