#pragma once

#include "net/chat_json.hpp"
#include "net/event_encoder.hpp"

namespace troupe {

/// The chat door: SSE chunks, or one JSON text at the end.
class chat_encoder final : public event_encoder {
public:
  chat_encoder(bool stream, bool include_usage)
      : json_(include_usage), stream_(stream), include_usage_(include_usage) {}

  void accept(const accepted_response& accepted) override { json_.accept(accepted); }
  void encode(const response_event&, std::vector<std::string>& frames) override;
  const char* prompt_field() const override { return "messages"; }

private:
  void end_stream(const response_event&, std::vector<std::string>& frames) const;

  chat_json json_;
  bool stream_;
  bool include_usage_;
};

} // namespace troupe
