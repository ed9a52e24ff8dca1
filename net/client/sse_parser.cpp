#include "net/client/sse_parser.hpp"

namespace troupe {

bool sse_parser::feed(std::string_view bytes) {
  for (char c : bytes) {
    if (too_long_)
      return false;
    bool second_half = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (second_half)
      continue;
    if (c == '\n' || c == '\r')
      end_line();
    else if (line_.size() < bytes_max_)
      line_.push_back(c);
    else
      too_long_ = true;
  }
  return !too_long_;
}

void sse_parser::end_line() {
  std::string_view line = line_;
  if (first_line_ && line.starts_with("\xEF\xBB\xBF"))
    line.remove_prefix(3);
  first_line_ = false;
  if (line.empty()) {
    dispatch();
  } else if (size_t colon = line.find(':'); colon == std::string_view::npos) {
    field(line, {});
  } else if (colon > 0) { // a line that starts with a colon is a comment
    std::string_view value = line.substr(colon + 1);
    if (value.starts_with(' '))
      value.remove_prefix(1);
    field(line.substr(0, colon), value);
  }
  line_.clear();
}

void sse_parser::field(std::string_view name, std::string_view value) {
  if (name == "event") {
    type_ = value;
  } else if (name == "data") {
    if (data_.size() + value.size() + 1 > bytes_max_) {
      too_long_ = true;
      return;
    }
    if (has_data_)
      data_ += '\n';
    data_ += value;
    has_data_ = true;
  }
}

void sse_parser::dispatch() {
  if (has_data_)
    on_event_({type_.empty() ? std::string_view("message") : std::string_view(type_), data_});
  type_.clear();
  data_.clear();
  has_data_ = false;
}

} // namespace troupe
