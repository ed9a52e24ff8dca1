#include "runtime/node_table.hpp"

#include "actors/health_monitor.hpp"
#include "actors/intake.hpp"
#include "supervision/ledger_keeper.hpp"

namespace troupe {

std::vector<front_child> node_table(caf::actor_system& system, node_parts parts, metrics& numbers) {
  auto shared = std::make_shared<const node_parts>(std::move(parts));
  const auto handle = [](const auto& child) { return caf::actor_cast<caf::actor>(child); };
  // Rest for one: whoever dies takes those below along. All but the health monitor hold the ledger's handle;
  // intake and the health monitor are of no use to the engine, so their deaths leave it alone.
  return {
      {{.id = "ledger", .restart = restart_kind::permanent, .shutdown_ms = 1000},
       [=, &system, &numbers](front_children& current) {
         current.ledger = system.spawn<ledger_keeper>(shared->ledger, shared->decoder, *shared->clock,
                                                      numbers, shared->token_bytes);
         return handle(current.ledger);
       }},
      // When its supervisor's own intensity is exceeded it ends normally, and trying again is for people to
      // decide; if the supervisor itself fails, it is started anew.
      {{.id = "engine", .restart = restart_kind::transient, .shutdown_ms = 60'000},
       [=, &system, &numbers](front_children& current) {
         current.engine = shared->engine(system, current.ledger, numbers);
         return handle(current.engine);
       }},
      {{.id = "health_monitor", .restart = restart_kind::permanent, .shutdown_ms = 1000},
       [=, &system, &numbers](front_children& current) {
         current.health = system.spawn<health_monitor>(current.engine, shared->health,
                                                       shared->health_interval, *shared->clock, numbers);
         return handle(current.health);
       }},
      {{.id = "intake", .restart = restart_kind::permanent, .shutdown_ms = 1000},
       [=, &system, &numbers](front_children& current) {
         current.intake = system.spawn<intake>(shared->preparer, current.ledger, numbers);
         return handle(current.intake);
       }},
  };
}

} // namespace troupe
