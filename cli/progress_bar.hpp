#pragma once

#include <cstddef>
#include <ostream>
#include <string>

namespace troupe {

/// "loading SmolLM2.gguf [#####.....] 45%", redrawn in place on a terminal. Elsewhere a line when it begins
/// and one when it ends, or nothing at all if quiet. Not for several threads.
class progress_bar {
public:
  /// quiet: nothing unless on a terminal.
  progress_bar(std::ostream& out, bool terminal, bool quiet, std::string label);
  ~progress_bar(); // finish()

  void show(size_t done_bytes, size_t total_bytes);

  /// Takes the bar away.
  void finish();

private:
  std::ostream& out_;
  bool terminal_;
  bool quiet_;
  std::string label_;
  int percent_ = -1; // last one shown
  bool open_ = true;
};

} // namespace troupe
