#pragma once

#include "net/chat_json.hpp"
#include "net/event_encoder.hpp"

namespace troupe {

/// The chat door: SSE chunks, or one JSON text at the end.
class chat_encoder final : public event_encoder {
public:
  /// response_ids: of the choices, in order; at least one.
  chat_encoder(chat_form form, const std::vector<std::string>& response_ids)
      : form_(form), json_(form, response_ids.front()), tally_(response_ids, response_ids.size()) {}

  void accept(const accepted_response& accepted) override;
  void encode(const response_event&, std::vector<std::string>& frames) override;
  bool ends_with(const response_event&) const override { return tally_.over(); }
  const char* prompt_field() const override { return "messages"; }

private:
  void encode_chunks(const response_event&, size_t index, std::vector<std::string>& frames);

  chat_form form_;
  chat_json json_;
  choice_tally tally_;
  int32_t prompt_tokens_ = 0;
};

} // namespace troupe
