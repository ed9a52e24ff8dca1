#include "tests/sim/sim_client.hpp"

#include "tests/sim/world_failure.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <utility>

namespace troupe::sim {

namespace {

bool same_bits(const token_logprob& a, const token_logprob& b) {
  return a.token == b.token && a.rank == b.rank && a.bytes == b.bytes &&
         std::bit_cast<uint32_t>(a.logprob) == std::bit_cast<uint32_t>(b.logprob);
}

bool same_bits(const logprob_list& a, const logprob_list& b) {
  if (!a || !b)
    return a == b;
  return std::ranges::equal(*a, *b, [](const token_logprobs& x, const token_logprobs& y) {
    return same_bits(x.chosen, y.chosen) &&
           std::ranges::equal(x.top, y.top,
                              [](const auto& one, const auto& other) { return same_bits(one, other); });
  });
}

} // namespace

sim_client::sim_client(open_entry opened, lone_answer alone, client_habits does)
    : request(std::move(opened)), expected(std::move(alone)), habits(does) {}

void sim_client::receive(const event_batch& batch) {
  if (!reading)
    return;
  for (const auto& event : batch.events) {
    require(event.response_id == id(), "an event of another response");
    require(!ended(), fmt::format("{}: event {} after the terminal one", id(), event.sequence_number));
    require(event.sequence_number == next_number_,
            fmt::format("{}: event {} instead of {}", id(), event.sequence_number, next_number_));
    next_number_ = event.sequence_number + 1;
    check_event(event);
    if (is_terminal(event.kind))
      terminal_ = event;
  }
}

void sim_client::check_event(const response_event& event) const {
  if (event.kind == event_kind::failed)
    return; // see check_end
  const auto at = static_cast<size_t>(event.sequence_number);
  require(at < expected.events.size(),
          fmt::format("{}: event {}, alone it has {}", id(), at, expected.events.size()));
  const auto& alone = expected.events[at];
  require(event.kind == alone.kind && event.text == alone.text,
          fmt::format("{}: event {} is {} \"{}\", alone {} \"{}\"", id(), at, static_cast<int>(event.kind),
                      event.text, static_cast<int>(alone.kind), alone.text));
  require(event.output_tokens == alone.output_tokens && event.cut == alone.cut &&
              event.stopped_by == alone.stopped_by && event.cumulative_logprob == alone.cumulative_logprob,
          fmt::format("{}: event {} counts or ends otherwise than alone", id(), at));
  require(same_bits(event.logprobs, alone.logprobs),
          fmt::format("{}: event {} has other logprobs than alone", id(), at));
}

void sim_client::check_end(const response_event& last, int64_t crashes_alone) const {
  const auto tokens = static_cast<size_t>(last.output_tokens);
  if (last.kind != event_kind::failed)
    return;
  require(tokens <= expected.tokens.size() &&
              last.text == expected.text().substr(0, tokens == 0 ? 0 : expected.told[tokens - 1]),
          fmt::format("{}: a failed answer that is no beginning of the lone one", id()));
  switch (last.error) {
  case request_error::cancelled:
    return require(cancelled || detached,
                   fmt::format("{}: cancelled by nobody: {}", id(), last.error_message));
  case request_error::deadline_exceeded:
    return;
  case request_error::request_quarantined:
    return require(crashes_alone == 2,
                   fmt::format("{}: quarantined after {} crashes of it alone", id(), crashes_alone));
  default:
    throw world_failure(fmt::format("{}: {}", id(), last.error_message));
  }
}

} // namespace troupe::sim
