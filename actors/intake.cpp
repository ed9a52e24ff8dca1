#include "actors/intake.hpp"

#include "observe/log.hpp"

#include <caf/typed_response_promise.hpp>

namespace troupe {

namespace {

constexpr milliseconds ledger_timeout{5'000};

} // namespace

intake::intake(caf::actor_config& config, std::shared_ptr<const request_preparer> preparer, ledger_actor ledger,
               metrics& metrics)
    : intake_actor::base(config), preparer_(std::move(preparer)), ledger_(std::move(ledger)),
      metrics_(metrics) {}

intake::behavior_type intake::make_behavior() {
  return {[this](generation_request& request, const subscriber_actor& subscriber) {
    auto promise = make_response_promise<intake_reply>();
    auto refuse = [this, promise, id = request.response_id](rejection why) mutable {
      metrics_.requests_rejected_total.of(to_string(why.code)).Increment();
      log_event(log_level::info, "request_rejected",
                {{"response", id}, {"code", to_string(why.code)}, {"param", why.param}, {"message", why.message}});
      promise.deliver(intake_reply{{}, std::move(why)});
    };
    auto entry = preparer_->prepare(std::move(request));
    if (!entry) {
      refuse(std::move(entry.error()));
      return promise;
    }
    this->request(ledger_, ledger_timeout, std::move(*entry), subscriber)
        .then(
            [promise, refuse](intake_reply& reply) mutable {
              if (reply.rejected)
                refuse(std::move(*reply.rejected));
              else
                promise.deliver(std::move(reply));
            },
            [refuse](caf::error&) mutable {
              refuse({request_error::not_ready, "the ledger does not answer: retry", "", 1});
            });
    return promise;
  }};
}

} // namespace troupe
