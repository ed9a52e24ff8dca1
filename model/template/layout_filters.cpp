// Filters that lay text out or measure it.
#include "model/template/filters.hpp"
#include "model/template/format.hpp"
#include "model/template/number_format.hpp"
#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

template_value indent(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "indent", {"width", "first", "blank"});
  marked_text margin("    ", false);
  if (bound[0] != nullptr && bound[0]->is_text()) {
    margin = bound[0]->text().as_markup(false);
  } else if (bound[0] != nullptr) {
    const int64_t width = integer_argument(*bound[0], "indent");
    meter.text(static_cast<uint64_t>(std::max<int64_t>(width, 0)));
    margin = marked_text(std::string(static_cast<std::size_t>(std::max<int64_t>(width, 0)), ' '), false);
  }
  const bool first = bound[1] != nullptr && is_true(*bound[1]);
  const bool blank = bound[2] != nullptr && is_true(*bound[2]);
  marked_text text = text_argument(value, "indent");
  text.append("\n", false); // so that a last empty line counts
  const std::vector<marked_text> lines = lines_of(meter, text);
  marked_text out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0)
      out.append("\n", false);
    if (i == 0 ? first : (blank || lines[i].size() > 0))
      out.append(margin);
    out.append(lines[i]);
    meter.text(lines[i].size() + margin.size());
  }
  meter.text(out.size());
  return out.as_markup(value.text().is_markup());
}

template_value center(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "center", {"width"});
  call_arguments width;
  width.positional.push_back(bound[0] != nullptr ? *bound[0] : template_value(int64_t{80}));
  const template_value text =
      value.is_text() ? template_value(value.text().as_markup(false)) : template_value(to_text(meter, value));
  const template_value made = call_value(meter, attribute_of(meter, text, "center"), width);
  return made.text().as_markup(value.is_text() && value.text().is_markup());
}

template_value truncate(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "truncate", {"length", "killwords", "end", "leeway"});
  const int64_t length = bound[0] != nullptr ? integer_argument(*bound[0], "truncate") : 255;
  const bool inside_words = bound[1] != nullptr && is_true(*bound[1]);
  const marked_text end =
      bound[2] != nullptr ? text_argument(*bound[2], "truncate") : marked_text("...", false);
  const int64_t leeway =
      bound[3] != nullptr && !bound[3]->is_none() ? integer_argument(*bound[3], "truncate") : 5;
  const auto end_length = static_cast<int64_t>(count_code_points(end.bytes()));
  if (length < end_length || leeway < 0)
    template_fail(
        fmt::format("truncate needs a length of at least {} and a leeway of at least 0", end_length));
  const auto size = static_cast<int64_t>(length_of(value));
  if (!(size > leeway && size - leeway > length))
    return value;
  const marked_text& text = text_argument(value, "truncate");
  meter.text(text.size() + end.size());
  std::size_t cut = code_point_offset(text.bytes(), static_cast<std::size_t>(length - end_length));
  const std::size_t space = inside_words ? std::string::npos : text.bytes().substr(0, cut).rfind(' ');
  if (space != std::string::npos)
    cut = space;
  marked_text out = text.slice(0, cut);
  out.append(text.is_markup() ? escaped_text(meter, end) : end);
  return out.as_markup(text.is_markup());
}

bool is_word_part(uint32_t c) {
  return c == '_' || is_letter(c) || is_digit(c) || is_numeric(c);
}

template_value wordcount(meter_ref meter, value_ref value, arguments_ref arguments) {
  bind_arguments(arguments, "wordcount", {});
  const marked_text text = to_text(meter, value);
  meter.steps(text.size() / 16 + 1);
  int64_t count = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const bool part = is_word_part(next_code_point(text.bytes(), at));
    count += part && !inside;
    inside = part;
  }
  return count;
}

template_value file_size(meter_ref meter, value_ref value, arguments_ref arguments) {
  const auto bound = bind_arguments(arguments, "filesizeformat", {"binary"});
  const bool binary = bound[0] != nullptr && is_true(*bound[0]);
  constexpr std::array<std::string_view, 8> units{"k", "M", "G", "T", "P", "E", "Z", "Y"};
  const double base = binary ? 1024 : 1000;
  call_arguments none;
  none.named.emplace_back("default", template_value());
  const template_value number = find_filter("float")(meter, value, none);
  if (!number.is_float())
    template_fail(fmt::format("filesizeformat needs a number, got {}", value.type_name()));
  const double bytes = number.number();
  if (bytes == 1)
    return marked_text("1 Byte", false);
  if (bytes < base) {
    if (!(bytes > -0x1p63))
      template_fail("a whole number does not fit 64 bits");
    return marked_text(fmt::format("{} Bytes", static_cast<int64_t>(bytes)), false);
  }
  double unit = base * base;
  std::size_t i = 0;
  for (; i + 1 < units.size() && !(bytes < unit); ++i)
    unit *= base;
  return marked_text(fmt::format("{} {}{}", float_digits(base * bytes / unit, 'f', 1, false),
                                 binary && units[i] == "k" ? "K" : units[i], binary ? "iB" : "B"),
                     false);
}

constexpr named_filter filters[] = {
    {"indent", indent},
    {"center", center},
    {"truncate", truncate},
    {"wordcount", wordcount},
    {"filesizeformat", file_size},
};

} // namespace

template_filter find_layout_filter(std::string_view name) {
  const auto found = std::find_if(std::begin(filters), std::end(filters),
                                  [name](const named_filter& each) { return each.name == name; });
  return found == std::end(filters) ? nullptr : found->filter;
}

} // namespace troupe
