#pragma once

#include "supervision/answer_text.hpp"
#include "tests/sim/cluster_log.hpp"

#include <vector>

namespace troupe::sim {

/// A model without weights: the next token is a hash of all tokens before it and the seed.
class stub_sequence {
public:
  stub_sequence(const sequence_spec& spec, const std::vector<token_id>& emitted);

  /// The token at the next position of the answer.
  sampled_token next();

  int32_t position() const { return position_; }

private:
  void see(token_id token);

  std::vector<token_id> end_tokens_;
  int32_t max_tokens_;
  uint64_t hash_;
  int32_t position_ = 0;
};

make_text_decoder stub_decoder();

/// The events of a request that nothing disturbs, as expect records.
std::vector<log_record> undisturbed(const open_entry& request);

/// What of an event must be the same whatever happened.
log_record told(const response_event& event);

} // namespace troupe::sim
