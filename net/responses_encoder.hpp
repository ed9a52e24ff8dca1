#pragma once

#include "base/clock.hpp"
#include "net/event_encoder.hpp"
#include "net/response_json.hpp"

#include <optional>

namespace troupe {

/// The responses door in its three forms.
class responses_encoder final : public event_encoder {
public:
  enum class form {
    body,      // one JSON text at the end
    sse,       // `event` and `data` lines, [DONE] after the terminal event
    websocket, // bare JSON texts
  };

  responses_encoder(response_echo echo, form shape, const time_source& clock)
      : json_(std::move(echo)), shape_(shape), clock_(clock) {}

  void accept(const accepted_response& accepted) override { json_.accept(accepted); }
  void encode(const response_event&, std::vector<std::string>& frames) override;

private:
  void write(const response_event&, bool item_incomplete, std::vector<std::string>& frames) const;

  response_json json_;
  form shape_;
  const time_source& clock_;
  std::optional<response_event> item_done_; // waits for the terminal event, which says how the item ended
};

} // namespace troupe
