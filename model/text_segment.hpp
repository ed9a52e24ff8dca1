#pragma once

#include <string>

namespace troupe {

/// A piece of a rendered chat template. Plain pieces come from users: a special token's text in them is text,
/// so nobody can open a turn or end one by typing it.
struct text_segment {
  std::string text;
  bool plain = false; // true: never look for special tokens here

  bool operator==(const text_segment&) const = default;
};

} // namespace troupe
