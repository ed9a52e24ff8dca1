#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// GPT-2's way to write bytes as printable characters: bytes that print in Latin-1 stand for themselves, the
/// 68 others for U+0100 and up, in order (a space becomes U+0120). Source: openai/gpt-2, encoder.py,
/// bytes_to_unicode.

/// The character of each byte, as UTF-8.
const std::array<std::string, 256>& byte_level_characters();

/// Appends the bytes that `text` stands for; false (and `out` as it was) where a character stands for none.
bool append_byte_level(std::string_view text, std::string& out);

} // namespace troupe
