#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::sim {

/// What happened to a cluster and its clients. `who` is a client or a node.
enum class log_kind : uint8_t {
  expect,   // id, number, part (kind of event), count (output tokens), text: an event of the undisturbed run
  submit,   // client: id, number: its deadline in µs of this log; part: 1 if its readers can come back
  accepted, // client: id
  rejected, // client: id, text: why
  attach,   // client: id, number: starting after; text: node. It was accepted.
  event,    // client: id, number, part (kind), count (output tokens), text
  lost,     // client: id. Its connection is over.
  failed,   // client: id, text. It ended with this error behind what its reader had: the error is its end.
  gap,      // client: id. It was told that the rest cannot be had.
  give_up,  // client: id. It does not come back: nothing is owed to it any more.
  cancel,   // client: id
  own,      // node: id, number: term. It became the owner.
  take,     // node: id, number: term, part: attempt, count: position, text: owner. A token was let in.
  begin,    // node: id, number: run. Its engine starts to compute.
  work,     // node: id, number: run, count: position. A token was computed.
  result,   // node: id, number: run. Tokens of the run left the engine.
  fault,    // node: number: run, id. The run was in a step that faulted; nothing of it may leave after this.
  dead,     // node: number: incarnation. Its process ended.
  born,     // node: number: incarnation
  up,       // node: id: peer, number: incarnation, part: epoch
  down,     // likewise; text: why (left: it went by itself)
  view,     // node: text: who is there in its view, once all is quiet
  cap,      // id: name of a queue, number: its bound
  size,     // node: id: name of a queue, number: what it holds
  trouble,  // text: a fault begins, or acts; readers of the log forgive delays near it
  exposed,  // node: an accepted answer hangs on it alone, long after the last fault
  leak,     // id: somebody without its key read it
  stuck,    // node: it stands still, or what must make progress in it does
  goes_on,  // node: no longer
  calm,     // all faults are over from here on
  rest,     // node: id. What it still owns at the end, for whoever looks for a reason.
  end,      // of the log
};

struct log_record {
  int64_t us = 0;
  log_kind kind = log_kind::end;
  std::string who = {};
  std::string id = {};
  int64_t number = 0;
  int64_t part = 0;
  int64_t count = 0;
  std::string text = {};
};

/// One line without its end: us kind who id number part count text.
std::string to_line(const log_record& record);

/// Absent: it is none.
std::optional<log_record> parse_line(std::string_view line);

} // namespace troupe::sim
