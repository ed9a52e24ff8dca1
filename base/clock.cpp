#include "base/clock.hpp"

namespace troupe {

namespace {

class machine_clock final : public time_source {
public:
  steady_time now() const override { return std::chrono::steady_clock::now(); }
  int64_t unix_seconds() const override {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

} // namespace

const time_source& system_clock() {
  static const machine_clock instance;
  return instance;
}

} // namespace troupe
