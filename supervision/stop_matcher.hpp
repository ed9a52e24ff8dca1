#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Finds the first stop string in a text that comes piece by piece. Its state is a function of the text, not
/// of the pieces. A piece of n bytes takes at most 2 n steps for each stop string, over the whole text.
class stop_matcher {
public:
  struct match {
    size_t stop = 0; // index of the stop string
    size_t end = 0;  // bytes of the piece up to where it ends
  };

  /// Each of 1 to 65,535 bytes; none: nothing is ever found.
  explicit stop_matcher(std::vector<std::string> stops);

  /// Reads the next piece up to the first byte with which a stop string is complete; where several are, the
  /// longest counts. With `counts` false what ends in this piece is no match, but one that begins in it may
  /// end in a later piece. Nothing is read after a match.
  std::optional<match> read(std::string_view piece, bool counts = true);

  /// Bytes at the end of all that was read that a match may begin with.
  size_t held() const { return held_; }

  const std::string& stop(size_t index) const { return patterns_[index].text; }

private:
  /// Knuth, Morris and Pratt: how much of the text's end is the pattern's beginning.
  struct pattern {
    std::string text;
    std::vector<uint16_t> borders; // of its first i + 1 bytes: the longest proper prefix that is a suffix
    size_t matched = 0;            // below text.size() between two bytes

    explicit pattern(std::string text);
    bool read(char byte);
  };

  std::vector<pattern> patterns_;
  size_t held_ = 0;
};

} // namespace troupe
