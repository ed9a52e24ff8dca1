#pragma once

#include "base/ids.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// One token of the vocabulary at one position of a text.
struct token_logprob {
  token_id token = 0;
  int32_t rank = 0;     // 1: the likeliest; 0: the first token of a prompt, which nothing foretells
  float logprob = 0.0f; // natural logarithm of the model's own probability: before bias, penalties and
                        // temperature. At most 0; may be -infinity. Without meaning where rank is 0
  std::string bytes;    // the token's, not always whole characters; filled by the ledger, empty below it
};

/// The token that stands at a position, and the likeliest ones there.
struct token_logprobs {
  token_logprob chosen;
  std::vector<token_logprob> top; // as many as were asked for, by rising rank; `chosen` may be one of them
};

/// Of tokens that follow each other. Null: not asked for.
using logprob_list = std::shared_ptr<const std::vector<token_logprobs>>;

} // namespace troupe
