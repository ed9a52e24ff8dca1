#pragma once

#include "net/field_reader.hpp"

/// How the answer's tokens are chosen, and what ends it: the fields that all doors have.
namespace troupe {

/// model, temperature, top_p, top_k, min_p, the three penalties, logit_bias, seed, stop, stop_token_ids,
/// min_tokens, ignore_eos and include_stop_str_in_output.
void read_sampling(field_reader&, generation_request&);

/// Refuses min_tokens above max_tokens, which is named as its door calls it. Once both are read.
void check_min_tokens(field_reader&, const generation_request&, const char* max_tokens_name);

/// prompt_logprobs, which cannot be had in a stream.
void read_prompt_logprobs(field_reader&, generation_request&, bool stream);

} // namespace troupe
