#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::tidy {

/// One complaint: "net/session.cpp:12: actors/ may not include net/".
using complaint = std::string;

/// A file of the tree: its path from the top, and its text.
struct source_file {
  std::string path;
  std::string text;
};

/// The text with comments and the contents of literals turned into spaces. Line numbers stay.
std::string code_only(std::string_view text);

/// Rooms include themselves and rooms to their left; CAF from actors/ up; Beast and Asio in net/ alone.
std::vector<complaint> check_includes(const source_file&);

/// At most 400 lines, but for the files in a table, each with a reason.
std::vector<complaint> check_length(const source_file&);

/// A note about work left to do names who will do it.
std::vector<complaint> check_owners(const source_file&);

/// Headers begin with #pragma once, before any code.
std::vector<complaint> check_pragma(const source_file&);

/// No endless timeouts; no sleeping in tests; outside cli/ nothing ends the process or changes what is its
/// own: signals, locale, environment, folder.
std::vector<complaint> check_words(const source_file&);

/// All of the above.
std::vector<complaint> check_all(const source_file&);

} // namespace troupe::tidy
