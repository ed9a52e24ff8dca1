#include "tests/sim/stub_engine.hpp"

namespace troupe::sim {

void stub_engine::start(const attempt_start& start, int32_t poison_at) {
  runs_.emplace(start.run,
                one_run{start.id, stub_sequence(start.spec, start.emitted), start.apart, poison_at});
}

std::set<run_id> stub_engine::die() {
  std::set<run_id> out;
  for (const auto& [run, state] : runs_)
    out.insert(run);
  runs_.clear();
  return out;
}

stub_step stub_engine::step() {
  stub_step out;
  // By turns: everybody who may share a step, then the next of those who may not.
  together_ = !together_;
  auto alone = runs_.end();
  for (auto at = runs_.upper_bound(turn_); at != runs_.end() && alone == runs_.end(); ++at)
    if (at->second.apart)
      alone = at;
  for (auto at = runs_.begin(); at != runs_.end() && alone == runs_.end(); ++at)
    if (at->second.apart)
      alone = at;
  if (!together_ && alone != runs_.end()) {
    turn_ = alone->first;
    out.in_step.insert(alone->first);
  } else {
    for (const auto& [run, state] : runs_)
      if (!state.apart && out.in_step.size() < capacity_)
        out.in_step.insert(run);
    if (out.in_step.empty() && alone != runs_.end())
      out.in_step.insert(alone->first);
  }
  for (auto run : out.in_step)
    out.poisoned = out.poisoned || runs_.at(run).poison_at == runs_.at(run).sequence.position();
  if (out.poisoned)
    return out;
  for (auto run : out.in_step) {
    out.tokens.emplace_back(run, runs_.at(run).sequence.next());
    if (out.tokens.back().second.finish != finish_reason::none)
      runs_.erase(run);
  }
  return out;
}

} // namespace troupe::sim
