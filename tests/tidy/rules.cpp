#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <functional>
#include <initializer_list>
#include <span>
#include <utility>

namespace troupe::tidy {

namespace {

using std::string_view;

// From left to right; observe, kernels and memory stand side by side.
constexpr std::array<string_view, 11> rooms{"base",   "config",      "observe", "kernels", "memory", "model",
                                            "actors", "supervision", "net",     "runtime", "cli"};

constexpr int lines_max = 400;

struct long_file {
  string_view path;
  string_view reason;
};

/// Files that may be longer than lines_max. Add a row only with a reason that a reader would accept.
constexpr std::array<long_file, 0> long_files{};

size_t place_of(string_view room) {
  return static_cast<size_t>(std::ranges::find(rooms, room) - rooms.begin());
}

string_view room_of(string_view path) {
  return path.substr(0, path.find('/'));
}

bool is_room(string_view name) {
  return place_of(name) < rooms.size();
}

bool is_side_by_side(string_view room) {
  return room == "observe" || room == "kernels" || room == "memory";
}

bool may_include(string_view from, string_view to) {
  if (from == to)
    return true;
  if (is_side_by_side(from) && is_side_by_side(to))
    return false;
  return place_of(to) < place_of(from);
}

bool is_word_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

void for_each_line(string_view text, const std::function<void(int, string_view)>& visit) {
  int number = 0;
  while (!text.empty()) {
    size_t end = text.find('\n');
    visit(++number, text.substr(0, end));
    text.remove_prefix(end == string_view::npos ? text.size() : end + 1);
  }
}

/// Positions of a whole word in a line.
std::vector<size_t> find_word(string_view line, string_view word) {
  std::vector<size_t> out;
  for (size_t at = line.find(word); at != string_view::npos; at = line.find(word, at + 1)) {
    size_t end = at + word.size();
    if ((at == 0 || !is_word_part(line[at - 1])) && (end == line.size() || !is_word_part(line[end])))
      out.push_back(at);
  }
  return out;
}

complaint at_line(const source_file& file, int line, string_view sentence) {
  return fmt::format("{}:{}: {}", file.path, line, sentence);
}

/// What stands between the quotes or brackets of an #include, with the opening one in front; else empty.
string_view included(string_view line) {
  auto skip_blanks = [&] {
    while (!line.empty() && (line[0] == ' ' || line[0] == '\t'))
      line.remove_prefix(1);
  };
  skip_blanks();
  if (!line.starts_with('#'))
    return {};
  line.remove_prefix(1);
  skip_blanks();
  if (!line.starts_with("include"))
    return {};
  line.remove_prefix(7);
  skip_blanks();
  size_t end = line.find_first_of("\">", 1);
  return line.empty() || end == string_view::npos ? string_view{} : line.substr(0, end);
}

/// Where a literal or comment that starts at `at` ends, one past its last character; `at` if none starts
/// there.
size_t end_of_span(string_view text, size_t at) {
  auto until = [&](string_view mark, size_t from) {
    size_t end = text.find(mark, from);
    return end == string_view::npos ? text.size() : end + mark.size();
  };
  string_view rest = text.substr(at);
  if (rest.starts_with("//"))
    return std::min(text.size(), text.find('\n', at));
  if (rest.starts_with("/*"))
    return until("*/", at + 2);
  if (rest.starts_with("R\"") && (at == 0 || !is_word_part(text[at - 1]))) {
    size_t open = rest.find('(');
    if (open != string_view::npos)
      return until(fmt::format("){}\"", rest.substr(2, open - 2)), at + open);
  }
  // 10'000 is a number, not the start of a character.
  bool separator = rest[0] == '\'' && at > 0 && std::isxdigit(static_cast<unsigned char>(text[at - 1]));
  if ((rest[0] != '"' && rest[0] != '\'') || separator)
    return at;
  size_t end = at + 1;
  while (end < text.size() && text[end] != rest[0] && text[end] != '\n')
    end += text[end] == '\\' ? 2 : 1;
  return std::min(text.size(), end + 1);
}

/// Whether a name behind `before` belongs to a class or is being declared: x.exit(, x->exit(, session::exit(,
/// void exit(. What is left calls the C library's.
bool is_own_function(string_view before) {
  auto last_word = [](string_view text) {
    size_t begin = text.size();
    while (begin > 0 && is_word_part(text[begin - 1]))
      --begin;
    return text.substr(begin);
  };
  if (before.ends_with('.') || before.ends_with("->"))
    return true;
  if (before.ends_with("::")) {
    string_view scope = last_word(before.substr(0, before.size() - 2));
    return !scope.empty() && scope != "std";
  }
  if (!before.ends_with(' '))
    return false;
  string_view word = last_word(before.substr(0, before.find_last_not_of(' ') + 1));
  return !word.empty() && word != "return" && word != "else" && word != "do";
}

bool in_tests(const source_file& file) {
  return room_of(file.path) == "tests";
}

} // namespace

std::string code_only(string_view text) {
  std::string out(text);
  for (size_t at = 0; at < text.size();) {
    size_t end = end_of_span(text, at);
    for (size_t i = at; i < end; ++i)
      if (out[i] != '\n')
        out[i] = ' ';
    at = std::max(end, at + 1);
  }
  return out;
}

std::vector<complaint> check_includes(const source_file& file) {
  std::vector<complaint> out;
  string_view room = room_of(file.path);
  if (!is_room(room))
    return out;
  for_each_line(file.text, [&](int number, string_view line) {
    string_view target = included(line);
    if (target.empty())
      return;
    string_view path = target.substr(1);
    if (target[0] == '"') {
      string_view other = room_of(path);
      if (!is_room(other))
        out.push_back(at_line(file, number, fmt::format("include \"{}\" by its path from the top", path)));
      else if (!may_include(room, other))
        out.push_back(at_line(file, number, fmt::format("{}/ may not include {}/", room, other)));
    }
    if (path.starts_with("caf/") && place_of(room) < place_of("actors"))
      out.push_back(at_line(file, number, fmt::format("{}/ may not see CAF: only actors/ and above", room)));
    if ((path.starts_with("boost/beast") || path.starts_with("boost/asio")) && room != "net")
      out.push_back(at_line(file, number, fmt::format("{}/ may not see Beast or Asio: only net/", room)));
  });
  return out;
}

std::vector<complaint> check_length(const source_file& file) {
  int lines = 0;
  for_each_line(file.text, [&](int number, string_view) { lines = number; });
  bool excused = std::ranges::any_of(long_files, [&](const long_file& row) { return row.path == file.path; });
  if (lines <= lines_max || excused)
    return {};
  return {at_line(file, lines,
                  fmt::format("{} lines, more than {}: split it, or give a reason in tests/tidy/rules.cpp",
                              lines, lines_max))};
}

std::vector<complaint> check_owners(const source_file& file) {
  std::vector<complaint> out;
  // In two pieces, so that this file passes its own check.
  constexpr std::array<string_view, 2> marks{"TO"
                                             "DO",
                                             "FIX"
                                             "ME"};
  for_each_line(file.text, [&](int number, string_view line) {
    for (string_view mark : marks)
      for (size_t at : find_word(line, mark)) {
        string_view rest = line.substr(at + mark.size());
        size_t close = rest.find(')');
        if (!rest.starts_with('(') || close == string_view::npos || close < 2)
          out.push_back(at_line(file, number, fmt::format("{0} without an owner: write {0}(name)", mark)));
      }
  });
  return out;
}

std::vector<complaint> check_pragma(const source_file& file) {
  if (!file.path.ends_with(".hpp") && !file.path.ends_with(".cuh"))
    return {};
  std::vector<complaint> out;
  bool decided = false;
  for_each_line(code_only(file.text), [&](int number, string_view line) {
    if (decided || line.find_first_not_of(" \t\r") == string_view::npos)
      return;
    decided = true;
    if (!line.starts_with("#pragma once"))
      out.push_back(at_line(file, number, "a header begins with #pragma once"));
  });
  if (!decided)
    out.push_back(at_line(file, 1, "a header begins with #pragma once"));
  return out;
}

std::vector<complaint> check_words(const source_file& file) {
  std::vector<complaint> out;
  bool in_cli = room_of(file.path) == "cli";
  for_each_line(code_only(file.text), [&](int number, string_view line) {
    if (!find_word(line, "infinite").empty())
      out.push_back(at_line(file, number, "every wait has a bound: no infinite timeout"));
    if (in_tests(file))
      for (string_view word : {"sleep_for", "sleep_until", "usleep", "nanosleep"})
        if (!find_word(line, word).empty())
          out.push_back(at_line(file, number, fmt::format("no {} in a test: inject the clock", word)));
    if (in_cli || in_tests(file))
      return;
    auto forbid = [&](std::initializer_list<string_view> words, string_view sentence) {
      for (string_view word : words)
        for (size_t at : find_word(line, word)) {
          size_t next = line.find_first_not_of(' ', at + word.size());
          if (next != string_view::npos && line[next] == '(' && !is_own_function(line.substr(0, at)))
            out.push_back(at_line(file, number, fmt::format("{}: no {}()", sentence, word)));
        }
    };
    forbid({"exit", "_exit", "_Exit", "quick_exit", "abort", "terminate"}, "only cli/ may end the process");
    forbid({"signal", "sigaction", "sigprocmask", "atexit", "at_quick_exit", "set_terminate", "setlocale",
            "setenv", "unsetenv", "putenv", "chdir", "umask"},
           "what is the process's belongs to the host, or cli/");
  });
  return out;
}

std::vector<complaint> check_all(const source_file& file) {
  std::vector<complaint> out;
  for (auto check : {check_includes, check_length, check_owners, check_pragma, check_words})
    for (complaint& found : check(file))
      out.push_back(std::move(found));
  return out;
}

} // namespace troupe::tidy
