#include "model/template/text_tools.hpp"

#include "model/template/unicode.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

/// Each code point through append(std::string& out, uint32_t code_point).
template <class Append>
marked_text map_code_points(template_meter& meter, const marked_text& text, Append append) {
  meter.text(text.size());
  marked_text out;
  text.for_each_run([&](std::string_view bytes, bool plain) {
    std::string run;
    for (std::size_t at = 0; at < bytes.size();)
      append(run, next_code_point(bytes, at));
    out.append(run, plain);
  });
  return out;
}

bool is_line_end(uint32_t c) {
  return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

} // namespace

marked_text upper_text(template_meter& meter, const marked_text& text) {
  return map_code_points(meter, text, append_upper);
}

marked_text lower_text(template_meter& meter, const marked_text& text) {
  return map_code_points(meter, text, append_lower);
}

marked_text capitalized_text(template_meter& meter, const marked_text& text) {
  return map_code_points(meter, text, [first = true](std::string& out, uint32_t c) mutable {
    first ? append_title(out, c) : append_lower(out, c);
    first = false;
  });
}

marked_text title_text(template_meter& meter, const marked_text& text) {
  return map_code_points(meter, text, [inside = false](std::string& out, uint32_t c) mutable {
    inside ? append_lower(out, c) : append_title(out, c);
    inside = is_cased(c);
  });
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
  return text.slice(kept.first, kept.last);
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
