#pragma once

#include "net/event_encoder.hpp"
#include "net/response_json.hpp"

namespace troupe {

/// The responses door in its three forms.
class responses_encoder final : public event_encoder {
public:
  enum class form {
    body,      // one JSON text at the end
    sse,       // `event` and `data` lines, [DONE] after the terminal event
    websocket, // bare JSON texts
  };

  responses_encoder(response_json json, form shape) : json_(std::move(json)), shape_(shape) {}

  void accept(const accepted_response& accepted) override { json_.accept(accepted); }
  void encode(const response_event&, std::vector<std::string>& frames) override;
  void close(std::vector<std::string>& frames) override;

private:
  response_json json_;
  form shape_;
};

} // namespace troupe
