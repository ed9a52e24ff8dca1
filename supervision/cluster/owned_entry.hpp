#pragma once

#include "supervision/cluster/entry_sender.hpp"
#include "supervision/ledger.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe {

/// Who came for a response, and wants to hear of it.
struct waiting_reader {
  attach_reader reader;
  subscriber_key subscriber = 0;
  ticket_id ticket = 0; // 0: it was reading here before, or is not waiting for an answer
};

/// The computing of an answer on some node, and the last try at it.
struct entry_attempt {
  bool wanted = false; // no node computes it, and one should
  steady_time wanted_since{};
  attempt_epoch epoch;
  attempt_epoch taken; // of the last token that was let in
  std::string node;    // empty: none
  std::optional<entry_sender> sender;
  steady_time last_news{};
  std::set<std::string> excluded; // nodes on which it failed; cleared by the next token
};

/// An entry of which this node is the home.
struct owned_entry {
  entry_record record;
  sequence_id sequence = 0; // in the ledger; 0: not accepted yet
  bool ended = false;
  bool cancelled = false; // a client asked for it
  bool unwanted = false;  // nobody came back for it in time: it is nobody's any more

  // Until it is accepted.
  subscriber_key subscriber = 0;
  ticket_id ticket = 0;
  steady_time submitted{};

  std::optional<entry_sender> buddy;
  steady_time buddy_since{};
  std::set<std::string> no_buddies;        // that had no room or did not answer
  std::optional<std::string> buddy_before; // keeps its copy until the next one has it

  std::optional<steady_time> fenced_since;    // somebody knows a newer owner, which has not answered yet
  std::optional<entry_sender> move;           // to a new home
  std::optional<std::string> move_to_confirm; // it came from there: confirmed once a buddy has it
  attempt_epoch moved_as;                     // under which it came
  entry_attempt attempt;
  std::vector<waiting_reader> readers_ahead; // they know more of the answer than is here so far

  bool accepted() const { return sequence != 0; }
};

} // namespace troupe
