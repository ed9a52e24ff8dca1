#pragma once

#include "net/completion_json.hpp"
#include "net/event_encoder.hpp"

namespace troupe {

/// The completions door: SSE chunks, or one JSON text at the end.
class completion_encoder final : public event_encoder {
public:
  /// response_ids: of all choices that are made, prompt by prompt.
  completion_encoder(const completion_form& form, const std::vector<std::string>& response_ids);

  void accept(const accepted_response& accepted) override {
    json_.accept(accepted);
    prompt_tokens_ = accepted.prompt_tokens;
  }
  void encode(const response_event&, std::vector<std::string>& frames) override;
  bool ends_with(const response_event&) const override { return tally_.over(); }
  const char* prompt_field() const override { return "prompt"; }

private:
  void encode_chunks(const response_event&, size_t index, std::vector<std::string>& frames);

  completion_form form_;
  completion_json json_;
  choice_tally tally_;
  std::vector<completion_logprobs> logprobs_; // how far each choice has come
  int32_t prompt_tokens_ = 0;                 // of the first prompt
};

} // namespace troupe
