#include "cli/batch/batch_run.hpp"

#include "base/ids.hpp"
#include "cli/await.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr milliseconds between_tries{500};
constexpr int poll_ms = 100; // while a request waits for its next try

bool is_passing(int http_status) {
  return http_status == 429 || http_status == 503;
}

} // namespace

void batch_run::inbox::put(outcome one) {
  const std::lock_guard lock(mutex);
  outcomes.push_back(std::move(one));
  flag.raise();
}

std::vector<batch_run::outcome> batch_run::inbox::take() {
  const std::lock_guard lock(mutex);
  flag.lower();
  return std::exchange(outcomes, {});
}

batch_run::batch_run(front_door& door, const settings& configuration, const time_source& clock,
                     batch_options options)
    : door_(door), clock_(clock), options_(options), numbers_(""),
      context_(configuration, numbers_, clock, {}) {
  context_.door = &door;
}

result<batch_counts> batch_run::run(batch_input& input, batch_results& results, signal_watch& signals,
                                    const std::function<void(const batch_counts&)>& progress) {
  progress_ = progress;
  while (true) {
    if (auto ok = start_more(input, results); !ok)
      return forward_error(ok);
    if (pending_.empty())
      return counts_;
    const bool waiting = std::ranges::any_of(pending_, [](auto& entry) { return entry.second.waiting; });
    const int ready = await_readable({signals.fd(), inbox_->flag.fd()}, waiting ? poll_ms : -1);
    if (ready == signals.fd() && (counts_.signal = signals.take()) != 0)
      return counts_;
    for (outcome& one : inbox_->take())
      if (auto ok = settle(std::move(one), results); !ok)
        return forward_error(ok);
    if (auto ok = try_again(results); !ok)
      return forward_error(ok);
  }
}

status batch_run::start_more(batch_input& input, batch_results& results) {
  while (!at_end_ && pending_.size() < static_cast<size_t>(options_.concurrency)) {
    auto read = input.next();
    if (!read)
      return forward_error(read);
    if (!*read) {
      at_end_ = true;
      break;
    }
    auto& [number, request] = **read;
    const std::string& id = request ? request->custom_id : request.error().custom_id;
    if (id.empty() ? results.has_line(number) : results.has(id))
      continue;
    status ok;
    if (request) {
      pending one;
      one.line = std::move(*request);
      one.request_id = make_id("req_");
      one.begun = clock_.now();
      ok = submit(number, std::move(one), results);
    } else {
      ok = results.add_problem(request.error(), number);
      ++counts_.done;
      ++counts_.failed;
      progress_(counts_);
    }
    if (!ok)
      return ok;
  }
  return {};
}

status batch_run::submit(int64_t number, pending one, batch_results& results) {
  // The listener is woken on the door's thread, and perhaps before submit() returns.
  auto wake = std::make_shared<std::function<void()>>();
  auto call = open_batch_call(context_, one.line, one.request_id, [wake] { (*wake)(); });
  if (!call)
    return write(one, call.error().status, error_body(call.error()), results);
  one.response_ids.clear();
  for (const auto& choice : call->choices)
    one.response_ids.push_back(choice.response_id);
  one.waiting = false;
  *wake = [this_inbox = inbox_, &door = door_, number, weak = std::weak_ptr(call->stream)] {
    if (const auto stream = weak.lock())
      hand_over(*this_inbox, door, number, *stream);
  };
  pending_.insert_or_assign(number, std::move(one));
  for (auto& choice : call->choices)
    door_.submit(std::move(choice), listener_of(*call));
  return {};
}

/// On the door's thread, after each change of a stream.
void batch_run::hand_over(inbox& to, front_door& door, int64_t number, answer_stream& stream) {
  outcome out{.number = number, .http_status = 200, .body = {}};
  if (stream.pending()) {
    auto batch = stream.take();
    if (!batch.frames.empty())
      out.body = std::move(batch.frames.back());
    for (const auto& passed : batch.passed)
      door.acknowledge(passed.response_id, passed.sequence_number);
  }
  if (!stream.over())
    return;
  const bool refused = stream.state() == answer_stream::phase::rejected;
  if (refused || stream.failed()) {
    const auto problem = refused ? to_api_error(stream.refused()) : to_api_error(*stream.failed());
    out.http_status = problem.status;
    out.body = error_body(problem);
    out.try_again = refused && is_passing(problem.status);
  }
  to.put(std::move(out));
}

status batch_run::settle(outcome out, batch_results& results) {
  const auto found = pending_.find(out.number);
  if (found == pending_.end())
    return {};
  pending& one = found->second;
  const auto now = clock_.now();
  if (out.try_again && now - one.begun < milliseconds(options_.patience_ms)) {
    one.waiting = true;
    one.again_at = now + between_tries;
    return {};
  }
  const auto ended = std::move(one);
  pending_.erase(found);
  return write(ended, out.http_status, out.body, results);
}

status batch_run::try_again(batch_results& results) {
  std::vector<int64_t> due;
  for (const auto& [number, one] : pending_)
    if (one.waiting && one.again_at <= clock_.now())
      due.push_back(number);
  for (const int64_t number : due) {
    auto one = std::move(pending_.at(number));
    pending_.erase(number);
    if (auto ok = submit(number, std::move(one), results); !ok)
      return ok;
  }
  return {};
}

status batch_run::write(const pending& one, int http_status, std::string_view body, batch_results& results) {
  if (auto ok = results.add_response(one.line.custom_id, http_status, one.request_id, body); !ok)
    return ok;
  ++counts_.done;
  counts_.failed += http_status != 200;
  progress_(counts_);
  return {};
}

} // namespace troupe
