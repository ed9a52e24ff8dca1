#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// When a child that ended is started again (as in OTP).
enum class restart_kind {
  permanent, // always
  transient, // only if it ended abnormally
  temporary, // never
};

/// Who is restarted with it.
enum class restart_strategy {
  one_for_one,  // nobody
  one_for_all,  // all its siblings
  rest_for_one, // the siblings after it in the table
};

/// One row of a supervision table.
struct child_spec {
  std::string id;
  restart_kind restart = restart_kind::permanent;
  int64_t shutdown_ms = 5000; // a child that has not stopped by then is killed
};

/// More than `restarts` within `period_ms`: the supervisor gives up, and its parent decides.
struct restart_intensity {
  int64_t restarts = 5;
  int64_t period_ms = 10'000;
};

} // namespace troupe
