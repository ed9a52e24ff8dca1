#include "cli/help_format.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace troupe {

namespace {

constexpr size_t name_columns = 32;
constexpr size_t all_columns = 100;

/// "  name    description" with the description in a column of its own.
std::string two_columns(std::string name, std::string_view text) {
  std::string out = "  " + name;
  if (text.empty())
    return out + "\n";
  size_t column = out.size();
  if (column + 1 >= name_columns) {
    out += "\n";
    column = 0;
  }
  out.append(name_columns - column, ' ');
  column = name_columns;
  while (!text.empty()) {
    size_t length = text.find(' ');
    std::string_view word = text.substr(0, length);
    if (column > name_columns && column + 1 + word.size() > all_columns) {
      out += "\n" + std::string(name_columns, ' ');
      column = name_columns;
    } else if (column > name_columns) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text = length == std::string_view::npos ? std::string_view() : text.substr(length + 1);
  }
  return out + "\n";
}

class wrapping_formatter final : public CLI::Formatter {
public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    return two_columns(make_option_name(option, is_positional) + make_option_opts(option),
                       make_option_desc(option));
  }

  /// The type's name without the bounds that a validator adds to it: the description has them.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0)
      return {};
    std::string type = option->get_type_name();
    return " " + type.substr(0, type.find(':'));
  }

  std::string make_subcommand(const CLI::App* sub) const override {
    return two_columns(sub->get_name(), sub->get_description());
  }
};

} // namespace

std::shared_ptr<CLI::FormatterBase> help_format() {
  return std::make_shared<wrapping_formatter>();
}

} // namespace troupe
