#include "tests/sim/cluster_client.hpp"

#include "tests/sim/stub_model.hpp"

namespace troupe::sim {

namespace {

constexpr int64_t silence_us = 9'000'000; // it goes to another node
constexpr int64_t retry_us = 200'000;
constexpr int64_t answer_max_us = 10'000'000;

} // namespace

cluster_client::cluster_client(std::string name, planned_request plan, size_t nodes, virtual_time& time,
                               client_wires wires)
    : name_(std::move(name)), plan_(std::move(plan)), nodes_(nodes), time_(time), wires_(std::move(wires)),
      node_(plan_.node) {}

attach_reader cluster_client::reader() const {
  const auto& terms = plan_.request.resume;
  return {id(), terms.owner, terms.stream_token, last_seen()};
}

void cluster_client::note(log_kind kind, int64_t number, int64_t part, const std::string& text) {
  wires_.log({.us = time_.now_us(),
              .kind = kind,
              .who = name_,
              .id = id(),
              .number = number,
              .part = part,
              .text = text});
}

void cluster_client::begin() {
  state_ = state::submitting;
  ++session_;
  last_news_us_ = time_.now_us();
  wires_.submit(*this, node_, session_);
  watch();
}

/// Looks now and then whether anything came.
void cluster_client::watch() {
  if (done())
    return;
  time_.after(1'000'000, [this] { watch(); });
  const auto quiet_us = time_.now_us() - last_news_us_;
  if (state_ == state::submitting && quiet_us > answer_max_us) {
    note(log_kind::give_up);
    state_ = state::done;
  } else if ((state_ == state::reading || state_ == state::seeking) && quiet_us > silence_us) {
    lost(session_);
  }
}

void cluster_client::answered(uint64_t session, const std::variant<accepted_response, rejection>& outcome) {
  if (session != session_ || done())
    return;
  last_news_us_ = time_.now_us();
  const auto* refused = std::get_if<rejection>(&outcome);
  if (state_ == state::submitting) {
    note(refused ? log_kind::rejected : log_kind::accepted, 0, 0,
         refused ? std::string(to_string(refused->code)) : "");
    accepted_ = !refused;
    state_ = refused ? state::done : state::reading;
    return;
  }
  if (state_ != state::seeking)
    return;
  if (!refused) {
    denials_ = 0;
    note(log_kind::attach, last_seen());
    state_ = state::reading;
    return;
  }
  if (refused->code == request_error::engine_failed || refused->code == request_error::deadline_exceeded ||
      refused->code == request_error::cancelled) {
    note(log_kind::failed, 0, 0, std::string(to_string(refused->code)));
    state_ = state::done;
    return;
  }
  denials_ = refused->code == request_error::not_ready ? 0 : denials_ + 1;
  if (denials_ > 2 * nodes_) {
    note(log_kind::gap, 0, 0, std::string(to_string(refused->code)));
    state_ = state::done;
    return;
  }
  seek(retry_us);
}

void cluster_client::receive(uint64_t session, const response_event& event) {
  if (session != session_ || state_ != state::reading)
    return;
  last_news_us_ = time_.now_us();
  auto record = told(event);
  record.us = time_.now_us();
  record.who = name_;
  wires_.log(record);
  next_ = event.sequence_number + 1;
  if (is_terminal(event.kind)) {
    state_ = state::done;
    return;
  }
  if (plan_.cancel_at >= 0 && next_ > plan_.cancel_at && !std::exchange(cancelled_, true)) {
    note(log_kind::cancel);
    wires_.cancel(*this);
  } else if (plan_.leave_at >= 0 && next_ > plan_.leave_at && !std::exchange(left_, true)) {
    wires_.detach(*this);
    note(log_kind::lost);
    seek(plan_.away_us);
  }
}

void cluster_client::lost(uint64_t session) {
  if (session != session_ || done() || state_ == state::away)
    return;
  if (state_ == state::submitting || plan_.request.resume.stream_token.empty()) {
    note(log_kind::give_up); // nobody can tell whether it was accepted, or it cannot come back
    state_ = state::done;
    return;
  }
  note(log_kind::lost);
  seek(time_.between(1000, retry_us));
}

void cluster_client::seek(int64_t delay_us) {
  state_ = state::away;
  ++session_;
  last_news_us_ = time_.now_us() + delay_us;
  time_.after(delay_us, [this, session = session_] {
    if (session != session_ || done())
      return;
    state_ = state::seeking;
    node_ = (node_ + static_cast<size_t>(time_.between(0, static_cast<int64_t>(nodes_) - 1))) % nodes_;
    last_news_us_ = time_.now_us();
    wires_.attach(*this, node_, session_);
  });
}

} // namespace troupe::sim
