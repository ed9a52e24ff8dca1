#include "model/byte_level.hpp"

#include <cstdint>

namespace troupe {

namespace {

constexpr uint32_t first_moved = 0x100;
constexpr uint32_t characters_end = first_moved + 68;

bool stands_for_itself(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

struct tables {
  std::array<std::string, 256> character;
  std::array<int16_t, characters_end> byte; // -1: stands for none
};

tables make_tables() {
  tables made;
  made.byte.fill(-1);
  uint32_t moved = first_moved;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t code = stands_for_itself(byte) ? byte : moved++;
    auto& character = made.character[byte];
    if (code < 0x80) {
      character.push_back(static_cast<char>(code));
    } else { // all below U+0800: two bytes
      character.push_back(static_cast<char>(0xC0 | code >> 6));
      character.push_back(static_cast<char>(0x80 | (code & 0x3F)));
    }
    made.byte[code] = static_cast<int16_t>(byte);
  }
  return made;
}

const tables& the_tables() {
  static const tables made = make_tables();
  return made;
}

} // namespace

const std::array<std::string, 256>& byte_level_characters() {
  return the_tables().character;
}

bool append_byte_level(std::string_view text, std::string& out) {
  const auto& bytes = the_tables().byte;
  const size_t before = out.size();
  for (size_t at = 0; at < text.size(); ++at) {
    uint32_t code = static_cast<unsigned char>(text[at]);
    // Two-byte UTF-8 only: a longer form, or a stray byte, gives a code without an entry.
    if (code >= 0x80) {
      const uint32_t next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
      code = code >= 0xC2 && code <= 0xDF && (next & 0xC0) == 0x80 ? (code & 0x1F) << 6 | (next & 0x3F)
                                                                   : characters_end;
      ++at;
    }
    if (code >= characters_end || bytes[code] < 0) {
      out.resize(before);
      return false;
    }
    out += static_cast<char>(bytes[code]);
  }
  return true;
}

} // namespace troupe
