#include "net/front_door.hpp"

namespace troupe {

namespace {

rejection one_model_only() {
  return {request_error::not_supported, "this door serves one model for as long as it lives", "", 0};
}

} // namespace

void front_door::load(std::string, std::string, model_outcome done) {
  done(tl::unexpected(one_model_only()));
}

void front_door::unload(std::string, model_outcome done) {
  done(tl::unexpected(one_model_only()));
}

} // namespace troupe
