#pragma once

#include "actors/messages.hpp"
#include "base/clock.hpp"
#include "model/chat_template.hpp"
#include "model/tokenizer.hpp"

#include <memory>
#include <optional>
#include <string>

namespace troupe {

/// What a request is checked against.
struct request_limits {
  std::string model;         // served name
  int32_t max_model_len = 0; // tokens of prompt and answer together; all pages together hold them

  int64_t request_timeout_ms = 0; // default and upper bound
};

/// Turns what a client asks into what the engine computes: validates every parameter, renders, tokenizes.
/// Intake without the actor; stateless.
class request_preparer {
public:
  request_preparer(request_limits limits, std::shared_ptr<const tokenizer> tokens,
                   std::shared_ptr<const chat_template> messages_template, const time_source& clock);

  /// Errors: invalid_value, not_supported, model_not_found, context_length_exceeded; each names the field.
  tl::expected<open_entry, rejection> prepare(generation_request request) const;

private:
  std::optional<rejection> check(const generation_request& request) const;
  std::optional<rejection> check_prompt(const generation_request& request) const;
  std::optional<rejection> check_sampling(const generation_request& request) const;
  std::optional<rejection> check_stopping(const generation_request& request) const;
  bool in_vocabulary(token_id token) const { return token >= 0 && token < tokens_->vocabulary(); }
  tl::expected<std::vector<token_id>, rejection> tokenize(const generation_request& request) const;

  request_limits limits_;
  std::shared_ptr<const tokenizer> tokens_;
  std::shared_ptr<const chat_template> template_; // null: the model has none
  const time_source& clock_;
  size_t longest_token_bytes_ = 1;
};

} // namespace troupe
