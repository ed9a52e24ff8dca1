#include "actors/keep_quiet.hpp"

#include "observe/log.hpp"

#include <exception>

namespace troupe {

namespace {

caf::error log_exception(std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& problem) {
    log_event(log_level::error, "actor_threw", {{"what", problem.what()}});
  } catch (...) {
    log_event(log_level::error, "actor_threw", {{"what", "something that is no std::exception"}});
  }
  return caf::sec::runtime_error;
}

} // namespace

void keep_quiet(caf::scheduled_actor& self) {
  self.set_exception_handler(log_exception);
  self.set_default_handler(caf::drop);
  self.set_down_handler([](caf::down_msg&) {});
}

} // namespace troupe
