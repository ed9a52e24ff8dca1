#include "net/header_scanner.hpp"

namespace troupe {

size_t header_scanner::feed(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && !done() && problem_.empty())
    take(bytes[taken++]);
  bytes_ += taken;
  return taken;
}

void header_scanner::take(char c) {
  const bool after_cr = place_ == place::after_cr || place_ == place::after_blank_cr;
  if (after_cr && c != '\n')
    problem_ = "a CR without its LF";
  else if (after_cr)
    place_ = place_ == place::after_cr ? place::line_start : place::done;
  else if (c == '\n')
    problem_ = "an LF without its CR";
  else if (c == '\0')
    problem_ = "a NUL";
  else if (c == '\r')
    place_ = place_ == place::line_start ? place::after_blank_cr : place::after_cr;
  else if (place_ == place::line_start && (c == ' ' || c == '\t'))
    problem_ = "a folded line";
  else
    place_ = place::line;
}

} // namespace troupe
