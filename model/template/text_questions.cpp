// The methods of strings that answer yes or no.
#include "model/template/methods.hpp"
#include "model/template/unicode.hpp"

#include <algorithm>
#include <iterator>

namespace troupe {

namespace {

using meter_ref = template_meter&;
using value_ref = const template_value&;
using arguments_ref = const call_arguments&;

template_value all_satisfy(meter_ref meter, value_ref self, arguments_ref arguments, bool (*test)(uint32_t),
                           bool of_empty) {
  bind_arguments(arguments, "this method", {});
  meter.steps(self.text().size() / 16 + 1);
  for (std::size_t at = 0; at < self.bytes().size();)
    if (!test(next_code_point(self.bytes(), at)))
      return false;
  return of_empty || self.text().size() > 0;
}

bool is_letter_or_digit(uint32_t code_point) {
  return is_letter(code_point) || is_digit(code_point) || is_numeric(code_point);
}

bool is_ascii(uint32_t code_point) {
  return code_point < 0x80;
}

template <bool (*Test)(uint32_t), bool OfEmpty = false>
template_value all_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  return all_satisfy(meter, self, arguments, Test, OfEmpty);
}

/// Whether there is a cased character and none of the other case.
template <bool (*Wanted)(uint32_t)>
template_value case_method(meter_ref meter, value_ref self, arguments_ref arguments) {
  bind_arguments(arguments, "this method", {});
  meter.steps(self.text().size() / 16 + 1);
  bool any = false;
  for (std::size_t at = 0; at < self.bytes().size();) {
    const uint32_t code_point = next_code_point(self.bytes(), at);
    if (is_cased(code_point) && !Wanted(code_point))
      return false;
    any = any || is_cased(code_point);
  }
  return any;
}

/// Upper or title case behind what has no case, lower case behind what has, and at least one of them.
template_value istitle(meter_ref meter, value_ref self, arguments_ref arguments) {
  bind_arguments(arguments, "istitle", {});
  meter.steps(self.text().size() / 16 + 1);
  bool any = false;
  bool inside = false;
  for (std::size_t at = 0; at < self.bytes().size();) {
    const uint32_t code_point = next_code_point(self.bytes(), at);
    if (is_cased(code_point) && is_lower(code_point) != inside)
      return false;
    inside = is_cased(code_point);
    any = any || inside;
  }
  return any;
}

template_value isidentifier(meter_ref meter, value_ref self, arguments_ref arguments) {
  std::size_t first = 0;
  const bool starts = !self.bytes().empty() && is_identifier_start(next_code_point(self.bytes(), first));
  return all_satisfy(meter, self, arguments, is_identifier_part, false).boolean() && starts;
}

struct named_method {
  std::string_view name;
  template_method method;
};

constexpr named_method methods[] = {
    {"isspace", all_method<is_space>},
    {"isdigit", all_method<is_digit>},
    {"isdecimal", all_method<is_decimal>},
    {"isnumeric", all_method<is_numeric>},
    {"isalpha", all_method<is_letter>},
    {"isalnum", all_method<is_letter_or_digit>},
    {"isascii", all_method<is_ascii, true>},
    {"isprintable", all_method<is_printable, true>},
    {"isupper", case_method<is_upper>},
    {"islower", case_method<is_lower>},
    {"istitle", istitle},
    {"isidentifier", isidentifier},
};

} // namespace

template_method find_text_question(std::string_view name) {
  const auto found = std::find_if(std::begin(methods), std::end(methods),
                                  [name](const named_method& each) { return each.name == name; });
  return found == std::end(methods) ? nullptr : found->method;
}

} // namespace troupe
