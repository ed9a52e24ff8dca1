#pragma once

#include "net/field_reader.hpp"

#include <cstdint>

namespace troupe {

inline constexpr int32_t choices_max = 16; // n and best_of: each choice is a request to the engine

/// What chat completions and completions say about the answer's form.
struct answer_terms {
  int32_t n = 1;       // choices in the answer
  int32_t best_of = 1; // choices made, the n best of which are in the answer
  bool stream = false;
  bool include_usage = false;    // a last chunk with the token counts
  bool continuous_usage = false; // the counts so far in every chunk
};

/// n, stream and stream_options.
answer_terms read_answer_terms(field_reader&);

/// Each choice has a copy of its prompt on the way to the tokenizer: refuses so many choices of so many
/// bytes.
void check_copies(field_reader&, const char* field, size_t prompt_bytes, int32_t choices);

} // namespace troupe
