#include "tests/sim/log_checker.hpp"

#include "actors/messages.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe::sim {

namespace {

constexpr size_t broken_max = 8;

bool is_end(int64_t part) {
  return is_terminal(static_cast<event_kind>(part));
}

bool is_failure(int64_t part) {
  return static_cast<event_kind>(part) == event_kind::failed;
}

} // namespace

void log_checker::complain(int invariant, const log_record& at, const std::string& sentence) {
  if (broken_.size() < broken_max)
    broken_.push_back(fmt::format("invariant {}: {} (at: {})", invariant, sentence, to_line(at)));
}

/// Whether a fault acted then, or so shortly before.
bool log_checker::troubled(int64_t from_us, int64_t to_us, int64_t before_us) const {
  return std::ranges::any_of(troubles_us_,
                             [&](int64_t at) { return at <= to_us && at + before_us >= from_us; });
}

void log_checker::read(const log_record& record) {
  switch (record.kind) {
  case log_kind::trouble:
    troubles_us_.push_back(record.us);
    if (record.text == "over")
      woke_us_ = record.us;
    if (record.text.starts_with("begin 8 "))
      leaving_.insert(record.text.substr(8));
    break;
  case log_kind::calm:
    calm_us_ = record.us;
    break;
  case log_kind::cap:
    caps_[record.id] = record.number;
    break;
  case log_kind::size:
    if (const auto cap = caps_.find(record.id); cap == caps_.end() || record.number > cap->second)
      complain(9, record, fmt::format("{} holds more than its bound", record.id));
    break;
  case log_kind::own:
  case log_kind::take:
  case log_kind::begin:
  case log_kind::work:
  case log_kind::result:
  case log_kind::fault:
    read_engine(record);
    break;
  case log_kind::dead:
  case log_kind::born:
  case log_kind::up:
  case log_kind::down:
  case log_kind::view:
  case log_kind::stuck:
  case log_kind::goes_on:
    read_members(record);
    break;
  case log_kind::exposed:
    complain(1, record, "a death would lose an accepted request");
    break;
  case log_kind::leak:
    complain(13, record, "a reader without the key was let in");
    break;
  case log_kind::rest:
    if (const auto [other, first] = homes_.emplace(record.id, record.who); !first)
      complain(3, record, "two homes long after the last fault, the other is " + other->second);
    break;
  case log_kind::end:
    break;
  default:
    read_client(record);
  }
}

/// Whoever reads an answer gets the next event, or some engine is busy with others: else something was lost,
/// and nobody said it again.
void log_checker::check_idle(const log_record& record) {
  if (record.us <= worked_us_ + limits_.idle_us)
    return;
  for (const auto& [id, about] : responses_)
    if (about.reading && record.us > about.news_us + limits_.idle_us &&
        !troubled(std::max(worked_us_, about.news_us), record.us, limits_.trouble_us))
      complain(1, record, fmt::format("{} waited, and nothing was computed", id));
}

void log_checker::read_client(const log_record& record) {
  check_idle(record);
  auto& about = responses_[record.id];
  switch (record.kind) {
  case log_kind::expect:
    about.expected.resize(std::max(about.expected.size(), static_cast<size_t>(record.number + 1)));
    about.expected[static_cast<size_t>(record.number)] = {record.part, record.count, record.text};
    return;
  case log_kind::submit:
    about.submitted = true;
    about.client = record.who;
    about.deadline_us = record.number;
    about.resumable = record.part != 0;
    break;
  case log_kind::accepted:
    if (about.rejected || about.accepted)
      complain(1, record, "accepted after it was answered already");
    about.accepted = true;
    break;
  case log_kind::rejected:
    about.rejected = true;
    if (about.accepted)
      complain(1, record, "rejected after it was accepted");
    if (about.ran_us >= 0)
      complain(1, record, "a rejected request ran");
    break;
  case log_kind::attach:
    about.attached_us = record.us;
    if (record.number != about.next - 1)
      complain(3, record,
               fmt::format("it comes back after {} and has read up to {}", record.number, about.next - 1));
    break;
  case log_kind::event:
    return on_event(about, record);
  case log_kind::gap:
    if (about.accepted && !about.ended && about.resumable &&
        record.us < about.last_contact_us + limits_.resume_window_us)
      complain(1, record, "an accepted request was lost");
    about.given_up = true;
    break;
  case log_kind::failed:
    if (!about.accepted || about.ended)
      complain(1, record, "an end of what does not run");
    about.ended = true;
    break;
  case log_kind::give_up:
    about.given_up = true;
    break;
  case log_kind::cancel:
    about.cancelled_us = record.us;
    break;
  default:
    break;
  }
  if (record.kind != log_kind::gap)
    about.last_contact_us = record.us;
  about.reading = record.kind == log_kind::accepted || record.kind == log_kind::attach ||
                  (record.kind == log_kind::cancel && about.reading);
  about.news_us = record.us;
}

void log_checker::on_event(response& about, const log_record& record) {
  about.last_contact_us = about.news_us = record.us;
  about.reading = !is_end(record.part);
  if (!about.accepted)
    complain(1, record, "an event of a request that was not accepted");
  if (about.ended)
    complain(2, record, "an event after the terminal one");
  if (record.number != about.next)
    complain(2, record, fmt::format("number {} instead of {}", record.number, about.next));
  about.next = record.number + 1;
  const told_event told{record.part, record.count, record.text};
  const auto number = static_cast<size_t>(std::max<int64_t>(0, record.number));
  if (!is_failure(record.part)) {
    const auto [before, is_new] = about.told.emplace(record.number, told);
    if (!is_new && before->second != told)
      complain(3, record, "two readers see different events at one number");
    if (!about.expected.empty() && number >= about.expected.size())
      complain(4, record, "more events than in the undisturbed run");
    else if (!about.expected.empty() && about.expected[number].count != told.count)
      complain(5, record,
               fmt::format("{} tokens are counted, there were {}", told.count, about.expected[number].count));
    else if (!about.expected.empty() && about.expected[number] != told)
      complain(4, record, fmt::format("not the undisturbed run's \"{}\"", about.expected[number].text));
  } else if (record.text == "cancelled" && about.cancelled_us < 0) {
    complain(1, record, "cancelled, and nobody asked for that");
  }
  if (!is_end(record.part))
    return;
  about.ended = true;
  if (is_failure(record.part) && record.text == "deadline_exceeded" &&
      record.us < about.deadline_us - limits_.hop_us)
    complain(8, record, "its deadline had not come");
  if (record.us >
          std::max(about.deadline_us, about.attached_us) + limits_.late_us + about.hops * limits_.hop_us &&
      !troubled(about.deadline_us - limits_.trouble_us, record.us, limits_.trouble_us))
    complain(8, record, "it outlived its deadline");
}

void log_checker::read_engine(const log_record& record) {
  auto& about = responses_[record.id];
  const auto run = fmt::format("{}/{}", record.who, record.number);
  if (record.kind == log_kind::own) {
    about.hops += record.number > 1;
    about.takeovers += record.number > 1;
  } else if (record.kind == log_kind::take) {
    const std::tuple epoch(record.number, record.text, record.part);
    auto& newest = about.epochs[record.who];
    if (epoch < newest)
      complain(3, record, "a token of an older epoch was let in");
    newest = std::max(newest, epoch);
  } else if (record.kind == log_kind::fault) {
    faulted_runs_.insert(run);
    if (record.us < woke_us_ + limits_.woke_us)
      return; // it was stopped, and has not heard yet that others went on
    if (leaving_.contains(record.who))
      return; // its home has called the attempt off: a planned move counts nothing
    about.faults_us[record.who].push_back(record.us);
    // Each side of a partition counts for itself, and a home that dies may take its last count along.
    if (++about.fatal_steps > limits_.fatal_steps * (1 + about.takeovers))
      complain(1, record, "it was tried again after its last fatal step");
  } else if (record.kind == log_kind::result) {
    if (faulted_runs_.contains(run))
      complain(7, record, "what a faulted step wrote was used");
  } else if (record.kind == log_kind::work) {
    check_idle(record);
    worked_us_ = record.us;
    about.ran_us = record.us;
    if (about.rejected)
      complain(1, record, "a rejected request runs");
    // A step that was under way when its process was stopped ends when that goes on.
    if (about.submitted && !troubled(record.us, record.us, 500'000) &&
        record.us > about.deadline_us + limits_.late_us + about.hops * limits_.hop_us)
      complain(8, record, "it is computed after its deadline");
    if (about.cancelled_us >= 0 && record.us > about.cancelled_us + limits_.cancel_us &&
        !troubled(about.cancelled_us, record.us, limits_.trouble_us))
      complain(8, record, "it is computed long after it was cancelled");
  }
}

/// What a node said before its silence was noticed may be lost, and silence counts nothing: its home did not
/// hear of fatal steps there.
void log_checker::on_silence(const std::string& node, int64_t us) {
  for (auto& [id, about] : responses_)
    if (const auto faults = about.faults_us.find(node); faults != about.faults_us.end()) {
      about.fatal_steps -=
          std::ranges::count_if(faults->second, [&](int64_t at) { return us <= at + limits_.death_us; });
      about.faults_us.erase(faults);
    }
}

/// It stood still for a while: whoever had it as a member before must have given it up meanwhile.
void log_checker::on_goes_on(const log_record& record) {
  const auto since = stuck_us_.find(record.who);
  if (since == stuck_us_.end())
    return;
  for (const auto& [name, peers] : seen_us_)
    if (const auto seen = peers.find(record.who);
        seen != peers.end() && alive_.contains(name) &&
        record.us > std::max(since->second, seen->second) + limits_.stuck_us)
      complain(10, record, fmt::format("{} did not give it up though it stood still", name));
  stuck_us_.erase(since);
}

void log_checker::read_members(const log_record& record) {
  const peer_life life{record.number, record.part};
  if (record.kind == log_kind::born) {
    alive_.insert(record.who);
    seen_.erase(record.who); // a new process has seen nobody
    seen_us_.erase(record.who);
    stuck_us_.erase(record.who);
    leaving_.erase(record.who);
    // Nothing of its life before reaches it or comes from it: it may count from where that one was.
    for (auto& [id, about] : responses_)
      about.epochs.erase(record.who);
    buried_.erase(record.who);
    std::erase_if(faulted_runs_, [&](const std::string& run) { return run.starts_with(record.who + "/"); });
  } else if (record.kind == log_kind::dead) {
    alive_.erase(record.who);
    stuck_us_.erase(record.who);
    deaths_us_[record.who] = record.us;
  } else if (record.kind == log_kind::up) {
    seen_[record.who][record.id] = life;
    seen_us_[record.who][record.id] = record.us;
  } else if (record.kind == log_kind::down) {
    if (!buried_[record.who].emplace(record.id, life).second)
      complain(10, record, "the same death twice");
    seen_us_[record.who].erase(record.id);
    if (record.text == "2")
      on_silence(record.id, record.us);
    if (seen_[record.who].erase(record.id) == 0)
      complain(10, record, "the death of a node that was not there");
    const auto died = deaths_us_.find(record.id);
    if (died != deaths_us_.end() && record.us > died->second + limits_.death_us &&
        !alive_.contains(record.id) && !troubled(died->second + 1, record.us, limits_.trouble_us))
      complain(10, record, "a death was noticed too late");
  } else if (record.kind == log_kind::stuck) {
    stuck_us_[record.who] = record.us;
  } else if (record.kind == log_kind::goes_on) {
    on_goes_on(record);
  } else if (record.kind == log_kind::view) {
    views_[record.who] = record.text;
  }
}

void log_checker::finish_members() {
  log_record at;
  std::string all;
  for (const auto& name : alive_)
    all += (all.empty() ? "" : " ") + name;
  for (const auto& name : alive_) {
    const auto view = views_.find(name);
    at.who = name;
    if (calm_us_ >= 0 && (view == views_.end() || view->second != all))
      complain(12, at,
               fmt::format("it sees \"{}\" of \"{}\" long after the last fault",
                           view == views_.end() ? "nothing" : view->second, all));
    for (const auto& [peer, life] : seen_[name])
      if (calm_us_ >= 0 && !alive_.contains(peer))
        complain(10, at, fmt::format("it did not notice the death of {}", peer));
  }
}

std::vector<std::string> log_checker::finish() {
  for (const auto& [id, about] : responses_) {
    log_record at;
    at.id = id;
    if (about.accepted && !about.ended && !about.given_up)
      complain(1, at, "an accepted request did not end");
    if (about.submitted && !about.accepted && !about.rejected && !about.given_up)
      complain(1, at, "a request got no answer");
  }
  finish_members();
  return broken_;
}

} // namespace troupe::sim
