#include "actors/page_manager.hpp"

#include "actors/faults.hpp"
#include "actors/keep_quiet.hpp"

namespace troupe {

page_manager::page_manager(caf::actor_config& config, int32_t page_count, metrics& metrics)
    : page_manager_actor::base(config), pool_(page_count), tables_(pool_), metrics_(metrics) {}

page_manager::behavior_type page_manager::make_behavior() {
  keep_quiet(*this);
  metrics_.set_kv_pages(pool_.free_pages(), pool_.used_pages(), 0);
  return {
      [this](const page_request& request) { return answer(request); },
      [](const inject_fault& fault) { commit_fault(fault); },
  };
}

page_grants page_manager::answer(const page_request& request) {
  for (auto id : request.released)
    tables_.release(id);
  page_grants out;
  for (const auto& need : request.needs) {
    auto pages = tables_.grow(need.id, need.tokens);
    out.grants.push_back({need.id, pages.has_value(), pages ? std::move(*pages) : std::vector<page_id>{}});
  }
  tables_.check_conservation();
  out.free_pages = pool_.free_pages();
  out.total_pages = pool_.total_pages();
  metrics_.set_kv_pages(pool_.free_pages(), pool_.used_pages(), 0);
  return out;
}

} // namespace troupe
