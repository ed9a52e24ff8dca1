#include "model/template/text_tools.hpp"

#include "model/template/unicode.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

/// Each code point through append(std::string& out, uint32_t code_point, std::size_t first, std::size_t
/// last), where it stands in the bytes of the text.
template <class Append>
marked_text map_code_points(template_meter& meter, const marked_text& text, Append append) {
  meter.text(text.size());
  marked_text out;
  std::size_t first = 0;
  text.for_each_run([&](std::string_view bytes, bool plain) {
    std::string run;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t before = at;
      const uint32_t code_point = next_code_point(bytes, at);
      append(run, code_point, first + before, first + at);
    }
    first += bytes.size();
    out.append(run, plain);
  });
  return out.as_markup(text.is_markup());
}

/// Whether a sigma at [first, last) ends a word: a letter with case before it, none behind it.
bool is_final_sigma(std::string_view bytes, std::size_t first, std::size_t last) {
  bool after_letter = false;
  while (first > 0) {
    do
      --first;
    while (first > 0 && (static_cast<unsigned char>(bytes[first]) & 0xC0) == 0x80);
    std::size_t at = first;
    const uint32_t code_point = next_code_point(bytes, at);
    if (is_case_ignorable(code_point))
      continue;
    after_letter = is_cased(code_point);
    break;
  }
  while (after_letter && last < bytes.size()) {
    const uint32_t code_point = next_code_point(bytes, last);
    if (!is_case_ignorable(code_point))
      return !is_cased(code_point);
  }
  return after_letter;
}

/// Lower case in its place: a sigma at a word's end has a form of its own.
class lowering {
public:
  explicit lowering(const marked_text& text) : bytes_(text.bytes()) {}

  void operator()(std::string& out, uint32_t code_point, std::size_t first, std::size_t last) const {
    constexpr uint32_t sigma = 0x3A3;
    if (code_point == sigma && is_final_sigma(bytes_, first, last))
      append_code_point(out, 0x3C2);
    else
      append_lower(out, code_point);
  }

private:
  std::string_view bytes_;
};

bool is_line_end(uint32_t c) {
  return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

} // namespace

marked_text upper_text(template_meter& meter, const marked_text& text) {
  return map_code_points(meter, text, [](std::string& out, uint32_t c, auto, auto) { append_upper(out, c); });
}

marked_text lower_text(template_meter& meter, const marked_text& text) {
  return map_code_points(meter, text, lowering(text));
}

marked_text folded_text(template_meter& meter, const marked_text& text) {
  return map_code_points(meter, text,
                         [](std::string& out, uint32_t c, auto, auto) { append_folded(out, c); });
}

marked_text swapped_text(template_meter& meter, const marked_text& text) {
  const lowering lower(text);
  return map_code_points(meter, text, [&](std::string& out, uint32_t c, std::size_t first, std::size_t last) {
    is_lower(c) ? append_upper(out, c) : lower(out, c, first, last);
  });
}

marked_text capitalized_text(template_meter& meter, const marked_text& text) {
  const lowering lower(text);
  return map_code_points(meter, text, [&](std::string& out, uint32_t c, std::size_t first, std::size_t last) {
    first == 0 ? append_title(out, c) : lower(out, c, first, last);
  });
}

marked_text title_text(template_meter& meter, const marked_text& text) {
  const lowering lower(text);
  bool inside = false;
  return map_code_points(meter, text, [&](std::string& out, uint32_t c, std::size_t first, std::size_t last) {
    inside ? lower(out, c, first, last) : append_title(out, c);
    inside = is_cased(c);
  });
}

marked_text title_words(template_meter& meter, const marked_text& text) {
  const lowering lower(text);
  bool inside = false;
  const marked_text made =
      map_code_points(meter, text, [&](std::string& out, uint32_t c, std::size_t first, std::size_t last) {
        inside ? lower(out, c, first, last) : append_upper(out, c);
        inside = !(is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<');
      });
  return made.as_markup(false);
}

marked_text stripped_text(template_meter& meter, const marked_text& text, bool left, bool right,
                          const template_value* chars) {
  meter.text(text.size());
  std::string_view set;
  const bool given = chars != nullptr && !chars->is_none();
  if (given)
    set = text_argument(*chars, "strip").bytes();
  meter.steps(set.size() / 16 * (text.size() + 1)); // each character may be compared with the whole set
  const strip_range kept = strip(text.bytes(), left, right, given ? &set : nullptr);
  return text.slice(kept.first, kept.last).as_markup(text.is_markup());
}

marked_text replaced_text(template_meter& meter, const marked_text& text, const marked_text& old,
                          const marked_text& fresh, int64_t count) {
  meter.text(text.size());
  marked_text out;
  const std::string& bytes = text.bytes();
  std::size_t at = 0;
  count = std::max<int64_t>(count, -1);
  for (; count != 0; --count) {
    std::size_t found = bytes.find(old.bytes(), at);
    if (found == std::string::npos)
      break;
    meter.text(fresh.size());
    if (old.size() == 0) { // before each character and at the end
      out.append(fresh);
      if (at >= bytes.size())
        break;
      found = at;
      next_code_point(bytes, at);
      out.append(text, found, at);
      continue;
    }
    out.append(text, at, found);
    out.append(fresh);
    at = found + old.size();
  }
  out.append(text, at, text.size());
  meter.text(out.size());
  return out;
}

std::vector<marked_text> lines_of(template_meter& meter, const marked_text& text, bool keep_ends) {
  meter.text(text.size());
  std::vector<marked_text> lines;
  const std::string& bytes = text.bytes();
  std::size_t start = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = at;
    const uint32_t c = next_code_point(bytes, at);
    if (!is_line_end(c))
      continue;
    if (c == '\r' && at < bytes.size() && bytes[at] == '\n')
      ++at;
    meter.steps(1);
    lines.push_back(text.slice(start, keep_ends ? at : end));
    start = at;
  }
  if (start < bytes.size())
    lines.push_back(text.slice(start, bytes.size()));
  return lines;
}

marked_text escaped_text(template_meter& meter, const marked_text& text, bool forced) {
  if (text.is_markup() && !forced)
    return text;
  marked_text out;
  text.for_each_run([&](std::string_view bytes, bool plain) {
    for (const char c : bytes) {
      const std::string_view one(&c, 1);
      out.append(c == '&'    ? "&amp;"
                 : c == '<'  ? "&lt;"
                 : c == '>'  ? "&gt;"
                 : c == '\'' ? "&#39;"
                 : c == '"'  ? "&#34;"
                             : one,
                 plain);
    }
  });
  meter.text(out.size());
  return out.as_markup();
}

const marked_text& text_argument(const template_value& value, std::string_view function) {
  if (value.is_undefined())
    template_fail(value.reason());
  if (!value.is_text())
    template_fail(fmt::format("{}() needs a string, got {}", function, value.type_name()));
  return value.text();
}

int64_t integer_argument(const template_value& value, std::string_view function) {
  if (!value.is_number() || value.is_float())
    template_fail(fmt::format("{}() needs a whole number, got {}", function, value.type_name()));
  return value.integer();
}

} // namespace troupe
