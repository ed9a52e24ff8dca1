#include "model/template/lexer.hpp"

#include "model/template/unicode.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr std::size_t bracket_depth_max = 200;

bool is_digit_char(char c) {
  return c >= '0' && c <= '9';
}

/// Bytes of a name at `at`: 0 if none begins there.
std::size_t name_size(std::string_view text, std::size_t at) {
  std::size_t last = at;
  while (last < text.size()) {
    std::size_t next = last;
    const uint32_t code_point = next_code_point(text, next);
    if (!(last == at ? is_identifier_start(code_point) : is_identifier_part(code_point)))
      break;
    last = next;
  }
  return last - at;
}

bool is_space_char(char c) {
  return (c >= '\t' && c <= '\r') || c == ' ';
}

/// Newlines become '\n', and one at the very end is dropped, as Jinja does.
std::string normalized(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n')
      continue;
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (!out.empty() && out.back() == '\n')
    out.pop_back();
  return out;
}

int hex_value(char c) {
  return is_digit_char(c)       ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/// Reads `digits` hexadecimal digits at `at`; false if they are not there or no code point.
bool append_hex(std::string& out, std::string_view text, std::size_t& at, std::size_t digits) {
  uint32_t code_point = 0;
  for (std::size_t i = 0; i < digits; ++i, ++at) {
    if (at >= text.size() || hex_value(text[at]) < 0)
      return false;
    code_point = code_point * 16 + static_cast<uint32_t>(hex_value(text[at]));
  }
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000))
    return false;
  append_code_point(out, code_point);
  return true;
}

/// One escape behind a backslash; `at` stands on the character behind it. False on a bad one.
bool append_escape(std::string& out, std::string_view text, std::size_t& at) {
  constexpr std::string_view letters = "\\'\"abfnrtv";
  constexpr std::string_view values = "\\'\"\a\b\f\n\r\t\v";
  const char c = text[at++];
  const std::size_t letter = letters.find(c);
  if (letter != std::string_view::npos) {
    out += values[letter];
    return true;
  }
  if (c == '\n')
    return true;
  if (c == 'x' || c == 'u' || c == 'U')
    return append_hex(out, text, at, c == 'x' ? 2 : c == 'u' ? 4 : 8);
  if (c >= '0' && c <= '7') {
    uint32_t code_point = static_cast<uint32_t>(c - '0');
    for (int i = 0; i < 2 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i)
      code_point = code_point * 8 + static_cast<uint32_t>(text[at++] - '0');
    append_code_point(out, code_point);
    return true;
  }
  out += '\\';
  out += c;
  return c != 'N';
}

} // namespace

template_lexer::template_lexer(std::string_view source) : source_(normalized(source)) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < source_.size(); ++i)
    if (source_[i] == '\n')
      line_starts_.push_back(i + 1);
}

std::vector<template_token> template_lexer::run() {
  while (at_ < source_.size())
    data_until_tag();
  add(token_kind::end, "", source_.size());
  return std::move(tokens_);
}

void template_lexer::data_until_tag() {
  std::size_t open = at_;
  do {
    open = source_.find('{', open);
    if (open == std::string::npos || open + 1 >= source_.size()) {
      add_data(at_, source_.size(), '+', false);
      at_ = source_.size();
      return;
    }
  } while (source_[open + 1] != '{' && source_[open + 1] != '%' && source_[open + 1] != '#' && ++open);

  const char type = source_[open + 1];
  const char sign = open + 2 < source_.size() ? source_[open + 2] : ' ';
  const std::size_t first = at_;
  at_ = open;
  std::size_t after_raw = 0;
  char raw_sign = ' ';
  if (type == '%' && raw_tag(open, "raw", after_raw, raw_sign)) {
    add_data(first, open, raw_sign, true);
    at_ = after_raw;
    raw();
    return;
  }
  add_data(first, open, sign, type != '{');
  at_ += sign == '-' || sign == '+' ? 3 : 2;
  line_starting_ = false;
  if (type == '#')
    comment();
  else
    tag(type == '{');
}

// Bytes [first, last) in front of a tag whose sign is '-', '+' or anything else.
void template_lexer::add_data(std::size_t first, std::size_t last, char sign, bool strips_line) {
  std::string text = source_.substr(first, last - first);
  if (sign == '-') {
    text.resize(strip(text, false, true).last);
  } else if (sign != '+' && strips_line) {
    const std::size_t line = text.rfind('\n') + 1; // 0 if there is none
    if ((line > 0 || line_starting_) &&
        strip(std::string_view(text).substr(line), true, false).first + line == text.size())
      text.resize(line);
  }
  if (!text.empty())
    add(token_kind::data, std::move(text), first);
}

void template_lexer::comment() {
  const std::size_t close = source_.find("#}", at_);
  if (close == std::string::npos)
    fail(at_, "a comment has no end");
  const char sign = close > at_ ? source_[close - 1] : ' ';
  at_ = close + 2;
  if (sign == '-')
    skip_space();
  else if (sign != '+' && at_ < source_.size() && source_[at_] == '\n')
    ++at_;
  line_starting_ = source_[at_ - 1] == '\n';
}

// "{%", a sign, a word, an end of tag: what raw and endraw look like.
bool template_lexer::raw_tag(std::size_t at, std::string_view word, std::size_t& after, char& sign) const {
  const std::string_view rest(source_);
  at += 2;
  sign = at < rest.size() ? rest[at] : ' ';
  if (sign == '-' || sign == '+')
    ++at;
  while (at < rest.size() && is_space_char(rest[at]))
    ++at;
  if (!rest.substr(std::min(at, rest.size())).starts_with(word))
    return false;
  at += word.size();
  while (at < rest.size() && is_space_char(rest[at]))
    ++at;
  const bool ends = word == "endraw";
  const char end_sign = at < rest.size() ? rest[at] : ' ';
  if (end_sign == '-' || (end_sign == '+' && ends))
    ++at;
  if (!rest.substr(std::min(at, rest.size())).starts_with("%}"))
    return false;
  at += 2;
  if (end_sign == '-')
    while (at < rest.size() && is_space_char(rest[at]))
      ++at;
  else if (ends && end_sign != '+' && at < rest.size() && rest[at] == '\n')
    ++at;
  after = at;
  return true;
}

void template_lexer::raw() {
  line_starting_ = source_[at_ - 1] == '\n';
  const std::size_t first = at_;
  for (std::size_t open = source_.find("{%", at_); open != std::string::npos;
       open = source_.find("{%", open + 1)) {
    std::size_t after = 0;
    char sign = ' ';
    if (!raw_tag(open, "endraw", after, sign))
      continue;
    add_data(first, open, sign, true);
    at_ = after;
    line_starting_ = source_[at_ - 1] == '\n';
    return;
  }
  fail(first, "a raw block has no end");
}

void template_lexer::tag(bool output) {
  add(output ? token_kind::output_begin : token_kind::block_begin, "", at_ - 2);
  const std::size_t opened = at_;
  brackets_.clear();
  while (true) {
    skip_space();
    if (at_ >= source_.size())
      fail(opened, output ? "'{{' has no end" : "'{%' has no end");
    if (brackets_.empty() && end_of_tag(output))
      return;
    expression_token();
  }
}

bool template_lexer::end_of_tag(bool output) {
  const std::string_view close = output ? "}}" : "%}";
  const char sign = source_[at_];
  const bool has_sign = sign == '-' || (sign == '+' && !output);
  if (!std::string_view(source_).substr(at_ + (has_sign ? 1 : 0)).starts_with(close))
    return false;
  add(output ? token_kind::output_end : token_kind::block_end, "", at_);
  at_ += has_sign ? 3 : 2;
  if (sign == '-')
    skip_space();
  else if (!output && sign != '+' && at_ < source_.size() && source_[at_] == '\n')
    ++at_;
  line_starting_ = source_[at_ - 1] == '\n';
  return true;
}

void template_lexer::expression_token() {
  const char c = source_[at_];
  if (c == '\'' || c == '"') {
    string();
  } else if (is_digit_char(c)) {
    number();
  } else if (const std::size_t size = name_size(source_, at_); size > 0) {
    add(token_kind::name, source_.substr(at_, size), at_);
    at_ += size;
  } else {
    symbol();
  }
}

void template_lexer::string() {
  const std::size_t first = at_;
  const char quote = source_[at_++];
  std::string text;
  while (at_ < source_.size() && source_[at_] != quote) {
    if (source_[at_] != '\\') {
      text += source_[at_++];
      continue;
    }
    if (++at_ >= source_.size() || !append_escape(text, source_, at_))
      fail(first, "a string has a bad escape");
  }
  if (at_ >= source_.size())
    fail(first, "a string has no end");
  ++at_;
  add(token_kind::text, std::move(text), first);
}

// 12, 1_000, 0x1f, 0b1, 0o7, 1.5, 1e3, 1.5e-3. A dot without digits behind it is not part of the number, nor
// is one behind a number that itself stands behind a dot ("items.0.name").
void template_lexer::number() {
  const std::size_t first = at_;
  const auto digits = [&] {
    while (at_ < source_.size() &&
           (is_digit_char(source_[at_]) ||
            (source_[at_] == '_' && at_ + 1 < source_.size() && is_digit_char(source_[at_ + 1]))))
      ++at_;
  };
  const auto char_at = [&](std::size_t at) { return at < source_.size() ? source_[at] : ' '; };
  const char base = static_cast<char>(char_at(at_ + 1) | 0x20);
  if (source_[at_] == '0' && (base == 'x' || base == 'b' || base == 'o')) {
    at_ += 2;
    while (hex_value(char_at(at_)) >= 0 || char_at(at_) == '_')
      ++at_;
  } else {
    digits();
  }
  bool real = false;
  const bool behind_dot = first > 0 && source_[first - 1] == '.';
  if (!behind_dot && char_at(at_) == '.' && is_digit_char(char_at(at_ + 1))) {
    real = true;
    ++at_;
    digits();
  }
  const std::size_t sign = char_at(at_ + 1) == '-' || char_at(at_ + 1) == '+' ? 1 : 0;
  if (!behind_dot && (char_at(at_) | 0x20) == 'e' && is_digit_char(char_at(at_ + 1 + sign))) {
    real = true;
    at_ += 1 + sign;
    digits();
  }
  std::string text = source_.substr(first, at_ - first);
  std::erase(text, '_');
  add(real ? token_kind::real : token_kind::integer, std::move(text), first);
}

void template_lexer::symbol() {
  constexpr std::array<std::string_view, 25> symbols{"**", "//", "==", "!=", ">=", "<=", "+", "-", "*",
                                                     "/",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                     ">",  "<",  "=",  ".",  ":",  "|",  ","};
  const auto found = std::find_if(symbols.begin(), symbols.end(), [this](auto each) { return starts(each); });
  if (found == symbols.end())
    fail(at_, fmt::format("unexpected character 0x{:02x}", static_cast<unsigned char>(source_[at_])));
  const char c = (*found)[0];
  if (c == '(' || c == '[' || c == '{') {
    brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (brackets_.size() > bracket_depth_max)
      fail(at_, fmt::format("brackets nest deeper than {}", bracket_depth_max));
  } else if (c == ')' || c == ']' || c == '}') {
    if (brackets_.empty() || brackets_.back() != c)
      fail(at_, fmt::format("unexpected '{}'", c));
    brackets_.pop_back();
  }
  add(token_kind::symbol, std::string(*found), at_);
  at_ += found->size();
}

void template_lexer::skip_space() {
  at_ += strip(std::string_view(source_).substr(at_), true, false).first;
}

void template_lexer::add(token_kind kind, std::string text, std::size_t offset) {
  tokens_.push_back({kind, std::move(text), position(offset)});
}

template_position template_lexer::position(std::size_t offset) const {
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<std::size_t>(after - line_starts_.begin());
  return {static_cast<uint32_t>(line), static_cast<uint32_t>(offset - line_starts_[line - 1] + 1)};
}

void template_lexer::fail(std::size_t offset, const std::string& message) const {
  throw template_syntax_failure{message, position(offset)};
}

} // namespace troupe
