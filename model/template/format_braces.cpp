#include "model/template/format.hpp"
#include "model/template/number_format.hpp"
#include "model/template/operators.hpp"
#include "model/template/text_tools.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr int nesting_max = 2; // "{:{width}}" and no deeper, as Python has it

/// One call of str.format(): walks the format, takes the arguments.
class brace_formatter {
public:
  brace_formatter(template_meter& meter, const call_arguments& arguments, bool escapes)
      : meter_(meter), arguments_(arguments), escapes_(escapes) {}

  marked_text run(const marked_text& format, int depth) {
    if (depth > nesting_max)
      template_fail("a format nests its fields too deeply");
    marked_text out;
    const std::string& bytes = format.bytes();
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t brace = std::min(bytes.find_first_of("{}", at), bytes.size());
      out.append(format, at, brace);
      at = brace;
      if (at == bytes.size())
        break;
      if (at + 1 < bytes.size() && bytes[at + 1] == bytes[at]) {
        out.append(format, at, at + 1);
        at += 2;
        continue;
      }
      if (bytes[at] == '}')
        template_fail("a single '}' in a format");
      const std::size_t first = ++at;
      for (int open = 1; open > 0; ++at) {
        if (at >= bytes.size())
          template_fail("a '{' in a format has no end");
        open += bytes[at] == '{' ? 1 : bytes[at] == '}' ? -1 : 0;
      }
      out.append(field(format.slice(first, at - 1), depth));
      meter_.text(out.size());
    }
    return out;
  }

private:
  /// name, path, !conversion, :specification
  marked_text field(const marked_text& text, int depth) {
    const std::string& bytes = text.bytes();
    std::size_t end = 0; // of the name and its path; brackets may hold ! and :
    bool inside = false;
    while (end < bytes.size() && (inside || (bytes[end] != '!' && bytes[end] != ':'))) {
      if (bytes[end] == '{')
        template_fail("unexpected '{' in a field's name");
      inside = bytes[end] == '[' || (inside && bytes[end] != ']');
      ++end;
    }
    template_value value = argument(bytes.substr(0, end));
    std::size_t at = end;
    if (at < bytes.size() && bytes[at] == '!') {
      const char conversion = at + 1 < bytes.size() ? bytes[at + 1] : ' ';
      if (conversion != 's' && conversion != 'r' && conversion != 'a')
        template_fail("a format's conversion is !s, !r or !a");
      at += 2;
      if (at < bytes.size() && bytes[at] != ':')
        template_fail("expected ':' behind a format's conversion");
      if (conversion == 's')
        value = to_text(meter_, value);
      else
        value = conversion == 'r' ? to_repr(meter_, value) : ascii_text(to_repr(meter_, value));
    }
    const marked_text specification =
        at < bytes.size() ? run(text.slice(at + 1, bytes.size()), depth + 1) : marked_text();
    const marked_text shown = formatted(meter_, value, specification.bytes());
    const bool safe = value.is_text() && value.text().is_markup();
    return escapes_ && !safe ? escaped_text(meter_, shown).as_markup(false) : shown;
  }

  template_value argument(const std::string& path) {
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    template_value value = first(path.substr(0, end));
    for (std::size_t at = end; at < path.size();) {
      if (path[at] == '.') {
        const std::size_t next = std::min(path.find_first_of(".[", at + 1), path.size());
        if (next == at + 1)
          template_fail("a format has an empty attribute");
        value = attribute_of(meter_, value, path.substr(at + 1, next - at - 1));
        at = next;
        continue;
      }
      const std::size_t close = path.find(']', at);
      if (path[at] != '[' || close == std::string::npos || close == at + 1)
        template_fail("a format has a broken path");
      const std::string key = path.substr(at + 1, close - at - 1);
      value = item_of(meter_, value,
                      is_number(key) ? template_value(int64_t{std::stol(key)})
                                     : template_value(marked_text(key, false)));
      at = close + 1;
    }
    return value;
  }

  static bool is_number(const std::string& text) {
    return !text.empty() && text.size() < 18 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  }

  template_value first(const std::string& name) {
    if (name.empty() || is_number(name)) {
      const bool by_number = !name.empty();
      if (numbered_ != 0 && (numbered_ > 0) != by_number)
        template_fail("a format mixes {} and {0}");
      numbered_ = by_number ? 1 : -1;
      const std::size_t index = by_number ? std::stoul(name) : automatic_++;
      if (index >= arguments_.positional.size())
        template_fail(fmt::format("a format has no argument {}", index));
      return arguments_.positional[index];
    }
    for (const auto& [known, value] : arguments_.named)
      if (known == name)
        return value;
    template_fail(fmt::format("a format has no argument '{}'", name));
  }

  template_meter& meter_;
  const call_arguments& arguments_;
  bool escapes_;
  std::size_t automatic_ = 0;
  int numbered_ = 0; // 1: by number, -1: automatically
};

} // namespace

marked_text brace_format(template_meter& meter, const marked_text& format, const call_arguments& arguments) {
  return brace_formatter(meter, arguments, format.is_markup()).run(format, 1).as_markup(format.is_markup());
}

} // namespace troupe
