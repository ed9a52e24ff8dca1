#include "actors/intake.hpp"

#include "actors/keep_quiet.hpp"
#include "actors/note_rejection.hpp"

#include <caf/result.hpp>

namespace troupe {

intake::intake(caf::actor_config& config, std::shared_ptr<const request_preparer> preparer,
               ledger_actor ledger, metrics& metrics)
    : intake_actor::base(config), preparer_(std::move(preparer)), ledger_(std::move(ledger)),
      metrics_(metrics) {}

intake::behavior_type intake::make_behavior() {
  keep_quiet(*this);
  return {
      [this](generation_request& request, const subscriber_actor& subscriber) -> caf::result<intake_reply> {
        const auto id = request.response_id, request_id = request.request_id;
        auto entry = preparer_->prepare(std::move(request));
        if (!entry) {
          note_rejection(metrics_, request_id, id, entry.error());
          return intake_reply{{}, std::move(entry.error())};
        }
        // The ledger answers the door itself, so that its answer arrives before its first event.
        return delegate(ledger_, std::move(*entry), subscriber);
      }};
}

} // namespace troupe
