#include "model/template/unicode.hpp"

#include <utf8proc.h>

namespace troupe {

namespace {

utf8proc_category_t category(uint32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
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

bool is_digit(uint32_t code_point) {
  return category(code_point) == UTF8PROC_CATEGORY_ND;
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

void append_upper(std::string& out, uint32_t code_point) {
  if (code_point == 0xDF)
    out += "SS";
  else
    append_code_point(out,
                      static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point))));
}

void append_lower(std::string& out, uint32_t code_point) {
  append_code_point(out, static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
}

void append_title(std::string& out, uint32_t code_point) {
  if (code_point == 0xDF)
    out += "Ss";
  else
    append_code_point(out,
                      static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code_point))));
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
