#include "model/template/marked_text.hpp"

#include <algorithm>

namespace troupe {

void marked_text::append(std::string_view bytes, bool plain) {
  if (bytes.empty())
    return;
  bytes_ += bytes;
  if (!runs_.empty() && runs_.back().plain == plain)
    runs_.back().end = bytes_.size();
  else
    runs_.push_back({bytes_.size(), plain});
}

void marked_text::append(const marked_text& other, std::size_t first, std::size_t last) {
  auto found = std::upper_bound(other.runs_.begin(), other.runs_.end(), first,
                                [](std::size_t at, const run& each) { return at < each.end; });
  for (; found != other.runs_.end() && first < last; ++found) {
    const std::size_t end = std::min(last, found->end);
    append(std::string_view(other.bytes_).substr(first, end - first), found->plain);
    first = end;
  }
}

marked_text marked_text::slice(std::size_t first, std::size_t last) const {
  marked_text piece;
  piece.append(*this, first, std::min(last, size()));
  return piece;
}

std::vector<text_segment> marked_text::segments() const {
  std::vector<text_segment> pieces;
  for_each_run([&](std::string_view bytes, bool plain) { pieces.push_back({std::string(bytes), plain}); });
  return pieces;
}

} // namespace troupe
