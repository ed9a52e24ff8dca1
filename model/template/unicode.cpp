#include "model/template/unicode.hpp"

#include "model/template/special_casing.hpp"

#include <algorithm>
#include <utf8proc.h>

namespace troupe {

namespace {

utf8proc_category_t category(uint32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

void append_all(std::string& out, const std::array<uint32_t, 3>& code_points) {
  for (const uint32_t each : code_points)
    if (each != 0)
      append_code_point(out, each);
}

bool in_set(uint32_t code_point, std::string_view chars) {
  for (std::size_t at = 0; at < chars.size();)
    if (next_code_point(chars, at) == code_point)
      return true;
  return false;
}

} // namespace

uint32_t next_code_point(std::string_view bytes, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(bytes[at++]);
  if (lead < 0x80)
    return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  uint32_t code_point = lead & (0x3Fu >> more);
  for (int i = 0; i < more && at < bytes.size(); ++i)
    code_point = (code_point << 6) | (static_cast<unsigned char>(bytes[at++]) & 0x3Fu);
  return code_point;
}

void append_code_point(std::string& out, uint32_t code_point) {
  utf8proc_uint8_t buffer[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(size));
}

std::size_t count_code_points(std::string_view bytes) {
  std::size_t count = 0;
  for (const char byte : bytes)
    count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  return count;
}

std::size_t code_point_offset(std::string_view bytes, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < bytes.size(); --index)
    next_code_point(bytes, at);
  return at;
}

bool is_space(uint32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_letter(uint32_t code_point) {
  const utf8proc_category_t found = category(code_point);
  return found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO;
}

bool is_printable(uint32_t code_point) {
  const utf8proc_category_t found = category(code_point);
  const bool separator =
      found == UTF8PROC_CATEGORY_ZS || found == UTF8PROC_CATEGORY_ZL || found == UTF8PROC_CATEGORY_ZP;
  return code_point == ' ' ||
         !(separator || found == UTF8PROC_CATEGORY_CC || found == UTF8PROC_CATEGORY_CF ||
           found == UTF8PROC_CATEGORY_CS || found == UTF8PROC_CATEGORY_CO || found == UTF8PROC_CATEGORY_CN);
}

bool is_identifier_start(uint32_t code_point) {
  return code_point == '_' || is_letter(code_point) || category(code_point) == UTF8PROC_CATEGORY_NL;
}

bool is_identifier_part(uint32_t code_point) {
  const utf8proc_category_t found = category(code_point);
  return is_identifier_start(code_point) || found == UTF8PROC_CATEGORY_MN || found == UTF8PROC_CATEGORY_MC ||
         found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_PC;
}

bool is_decimal(uint32_t code_point) {
  return category(code_point) == UTF8PROC_CATEGORY_ND;
}

bool is_digit(uint32_t c) {
  // Unicode's Numeric_Type Digit beside the decimal ones: superscripts, circled digits and the like.
  constexpr uint32_t ranges[][2] = {{0xB2, 0xB3},     {0xB9, 0xB9},     {0x1369, 0x1371}, {0x19DA, 0x19DA},
                                    {0x2070, 0x2070}, {0x2074, 0x2079}, {0x2080, 0x2089}, {0x2460, 0x2468},
                                    {0x2474, 0x247C}, {0x2488, 0x2490}, {0x24EA, 0x24EA}, {0x24F5, 0x24FD},
                                    {0x24FF, 0x24FF}, {0x2776, 0x277E}, {0x2780, 0x2788}, {0x278A, 0x2792}};
  for (const auto& [first, last] : ranges)
    if (c >= first && c <= last)
      return true;
  return is_decimal(c);
}

bool is_numeric(uint32_t code_point) {
  const utf8proc_category_t found = category(code_point);
  return found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_NL || found == UTF8PROC_CATEGORY_NO;
}

bool is_upper(uint32_t code_point) {
  return category(code_point) == UTF8PROC_CATEGORY_LU;
}

bool is_lower(uint32_t code_point) {
  return category(code_point) == UTF8PROC_CATEGORY_LL;
}

bool is_cased(uint32_t code_point) {
  const utf8proc_category_t found = category(code_point);
  return found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LT;
}

bool is_case_ignorable(uint32_t code_point) {
  const utf8proc_category_t found = category(code_point);
  return found == UTF8PROC_CATEGORY_MN || found == UTF8PROC_CATEGORY_ME || found == UTF8PROC_CATEGORY_CF ||
         found == UTF8PROC_CATEGORY_LM || found == UTF8PROC_CATEGORY_SK || code_point == '\'' ||
         code_point == '.' || code_point == ':' || code_point == 0xB7 || code_point == 0x2019;
}

void append_upper(std::string& out, uint32_t code_point) {
  if (const special_casing* row = find_special_casing(code_point))
    append_all(out, row->upper);
  else
    append_code_point(out,
                      static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point))));
}

void append_lower(std::string& out, uint32_t code_point) {
  append_code_point(out, static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
  if (code_point == 0x130) // the dot that a lower i with a dot above keeps
    append_code_point(out, 0x307);
}

void append_title(std::string& out, uint32_t code_point) {
  if (const special_casing* row = find_special_casing(code_point))
    append_all(out, row->title);
  else
    append_code_point(out,
                      static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code_point))));
}

void append_folded(std::string& out, uint32_t code_point) {
  utf8proc_int32_t folded[8];
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), folded, 8,
                                                         UTF8PROC_CASEFOLD, &boundary);
  for (utf8proc_ssize_t i = 0; i < std::min<utf8proc_ssize_t>(count, 8); ++i)
    append_code_point(out, static_cast<uint32_t>(folded[i]));
}

strip_range strip(std::string_view bytes, bool left, bool right, const std::string_view* chars) {
  const auto goes = [&](uint32_t code_point) {
    return chars ? in_set(code_point, *chars) : is_space(code_point);
  };
  strip_range kept{0, bytes.size()};
  while (left && kept.first < kept.last) {
    std::size_t after = kept.first;
    if (!goes(next_code_point(bytes, after)))
      break;
    kept.first = after;
  }
  while (right && kept.last > kept.first) {
    std::size_t start = kept.last - 1;
    while (start > kept.first && (static_cast<unsigned char>(bytes[start]) & 0xC0) == 0x80)
      --start;
    std::size_t at = start;
    if (!goes(next_code_point(bytes, at)))
      break;
    kept.last = start;
  }
  return kept;
}

} // namespace troupe
