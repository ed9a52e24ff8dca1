#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// Where in the template, counted from 1; columns in bytes.
struct template_position {
  uint32_t line = 1;
  uint32_t column = 1;
};

enum class token_kind {
  data,
  output_begin,
  output_end,
  block_begin,
  block_end,
  name,
  text,
  integer,
  real,
  symbol,
  end
};

struct template_token {
  token_kind kind = token_kind::end;
  std::string text; // data; name; unescaped string; digits; symbol
  template_position at;

  bool is_name(std::string_view name) const { return kind == token_kind::name && text == name; }
  bool is_symbol(std::string_view symbol) const { return kind == token_kind::symbol && text == symbol; }
};

} // namespace troupe
