#pragma once

#include "supervision/engine_messages.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Both ends are one program, so there is one version at a time; a setup with another one is refused.
inline constexpr uint32_t engine_wire_version = 1;

/// One byte for the alternative, then its members in their order, as byte_writer writes them. Of a
/// sequence_spec everything goes over but `stop` and `include_stop`, which are the ledger's business; of log
/// probabilities everything but `bytes`, which the ledger fills in.
std::string encode(const to_engine& message);
std::string encode(const from_engine& message);

/// Absent: these bytes are no message. Every length is checked before it is used.
std::optional<to_engine> decode_to_engine(std::string_view bytes);
std::optional<from_engine> decode_from_engine(std::string_view bytes);

} // namespace troupe
