#include "model/utf8_repair.hpp"

#include "base/utf8.hpp"

namespace troupe {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

struct subpart {
  size_t bytes;    // at least 1
  bool unfinished; // the text ends here, and more bytes could complete the character
};

/// Of the ill-formed sequence at `at`: the longest part that begins some character. Source: Unicode 15, table
/// 3-7.
subpart ill_formed_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0xC2 || lead > 0xF4)
    return {1, false};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  size_t good = 1;
  while (good < length && at + good < text.size()) {
    const unsigned char next = byte(at + good);
    if (next < (good == 1 ? low : 0x80) || next > (good == 1 ? high : 0xBF))
      return {good, false};
    ++good;
  }
  return {good, true}; // a whole character would have been well formed
}

} // namespace

size_t append_repaired(std::string_view text, bool last, std::string& out) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t begin = at;
    while (const size_t length = utf8_length(text, at))
      at += length;
    out += text.substr(begin, at - begin);
    if (at == text.size())
      break;
    const auto [bytes, unfinished] = ill_formed_at(text, at);
    if (unfinished && !last)
      break;
    out += replacement;
    at += bytes;
  }
  return at;
}

} // namespace troupe
