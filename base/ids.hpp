#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// One running generation inside an engine. The ledger hands them out, rising, never reused.
using sequence_id = uint64_t;

/// Counts the lives of an engine: a restart raises it, and results of an older epoch are dropped.
using epoch_number = uint32_t;

/// A token's index in the vocabulary.
using token_id = int32_t;

/// A KV page's index in its pool.
using page_id = int32_t;

/// In a block table: the page was given back, since no query will see it any more.
inline constexpr page_id no_page = -1;

/// "resp_" and 32 random hexadecimal digits from the kernel's generator (128 bits, not guessable).
std::string make_id(std::string_view prefix);

} // namespace troupe
