#pragma once

#include "actors/interfaces.hpp"
#include "actors/request_preparer.hpp"
#include "observe/metrics.hpp"

namespace troupe {

/// Prepares requests and hands them to the ledger, which answers the door.
class intake final : public intake_actor::base {
public:
  /// metrics must outlive the actor.
  intake(caf::actor_config& config, std::shared_ptr<const request_preparer> preparer, ledger_actor ledger,
         metrics& metrics);

  behavior_type make_behavior() override;
  void on_exit() override { ledger_ = nullptr; }

private:
  std::shared_ptr<const request_preparer> preparer_;
  ledger_actor ledger_;
  metrics& metrics_;
};

} // namespace troupe
