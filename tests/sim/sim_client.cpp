#include "tests/sim/sim_client.hpp"

#include "tests/sim/world_failure.hpp"

#include <fmt/format.h>
#include <utility>

namespace troupe::sim {

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
    check_text(event);
    if (event.kind == event_kind::output_text_delta)
      text_ += event.text;
    if (is_terminal(event.kind))
      terminal_ = event;
  }
}

void sim_client::check_text(const response_event& event) const {
  if (event.kind == event_kind::output_text_delta)
    require(expected.text.compare(text_.size(), event.text.size(), event.text) == 0 && !event.text.empty(),
            fmt::format("{}: \"{}\" at {} of \"{}\"", id(), event.text, text_.size(), expected.text));
  if (event.kind >= event_kind::output_text_done && event.kind != event_kind::failed)
    require(event.text == expected.text && text_ == expected.text,
            fmt::format("{}: event {} has the text \"{}\", its deltas \"{}\", alone it is \"{}\"", id(),
                        event.sequence_number, event.text, text_, expected.text));
}

void sim_client::check_end(const response_event& last, int64_t crashes_alone) const {
  const auto tokens = static_cast<size_t>(last.output_tokens);
  if (last.kind != event_kind::failed) {
    require(tokens == expected.tokens.size(),
            fmt::format("{}: {} tokens, alone {}", id(), tokens, expected.tokens.size()));
    const auto kind = expected.finish == finish_reason::stop ? event_kind::completed : event_kind::incomplete;
    require(last.kind == kind, fmt::format("{}: it ended otherwise than alone", id()));
    return;
  }
  require(tokens <= expected.tokens.size() &&
              last.text == expected.text.substr(0, tokens == 0 ? 0 : expected.ends[tokens - 1]),
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
