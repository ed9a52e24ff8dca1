#pragma once

#include "base/ids.hpp"

#include <vector>

namespace troupe {

/// Which crashes of an engine count against its restart intensity. Those that only narrow the search for a
/// suspect do not: of all the crashes that one request among n causes (log2 n + 2 at most), the first counts.
/// A crash narrows if its step held at most half of what the one before held and nothing else, or the same
/// lone request for the second time. So no more than (intensity + 1) * (log2 n + 2) restarts fit into a
/// period.
class crash_chain {
public:
  /// fatal_step: what the step held; empty: none ran.
  bool counts(std::vector<sequence_id> fatal_step);

private:
  bool narrows(const std::vector<sequence_id>& fatal_step) const;

  std::vector<sequence_id> last_;
  bool repeated_ = false; // the same lone request twice
};

} // namespace troupe
