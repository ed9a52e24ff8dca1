#pragma once

#include <cstddef>
#include <string_view>

namespace troupe {

/// Looks at the bytes of a request's header before they are parsed, for what parsers read differently: a line
/// end that is not CR LF, a folded line (RFC 9112, sections 2.2 and 5.2), a NUL. Counts the bytes over all
/// reads, which the parser does not: it forgets the fields that it has taken.
class header_scanner {
public:
  /// Takes what came next, up to and with the blank line that ends the header; returns how many bytes that
  /// is.
  size_t feed(std::string_view bytes);

  size_t bytes() const { return bytes_; }

  /// The blank line was seen.
  bool done() const { return place_ == place::done; }

  /// What is wrong, for people; empty: nothing so far.
  std::string_view problem() const { return problem_; }

private:
  enum class place { line_start, line, after_cr, after_blank_cr, done };

  void take(char);

  place place_ = place::line;
  size_t bytes_ = 0;
  std::string_view problem_;
};

} // namespace troupe
