#pragma once

#include "model/text_segment.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A string of the interpreter: of each byte it knows whether it came from the caller (plain) or from the
/// template. Pieces keep their mark through slicing, joining and case changes.
class marked_text {
public:
  marked_text() = default;
  marked_text(std::string_view bytes, bool plain) { append(bytes, plain); }

  const std::string& bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

  void append(std::string_view bytes, bool plain);
  void append(const marked_text& other) { append(other, 0, other.size()); }

  /// Bytes [first, last) of other.
  void append(const marked_text& other, std::size_t first, std::size_t last);

  /// Bytes [first, last), cut to what is there.
  marked_text slice(std::size_t first, std::size_t last) const;

  /// visit(std::string_view bytes, bool plain), in order; neighbours differ.
  template <class Visitor>
  void for_each_run(Visitor visit) const {
    std::size_t first = 0;
    for (const run& each : runs_) {
      visit(std::string_view(bytes_).substr(first, each.end - first), each.plain);
      first = each.end;
    }
  }

  std::vector<text_segment> segments() const;

  /// What the filters safe and escape give: joined with '+' or '%', other text is escaped first, as
  /// markupsafe's Markup does. Slices and what is appended to do not inherit it.
  bool is_markup() const { return markup_; }
  marked_text as_markup(bool markup = true) const {
    marked_text made = *this;
    made.markup_ = markup;
    return made;
  }

private:
  struct run {
    std::size_t end; // byte offset
    bool plain;
  };

  std::string bytes_;
  std::vector<run> runs_;
  bool markup_ = false;
};

} // namespace troupe
