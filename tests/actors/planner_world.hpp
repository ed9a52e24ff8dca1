#pragma once

#include "actors/batch_planner.hpp"
#include "actors/page_book.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

namespace troupe {

/// Executor, page manager and ledger in virtual time: token n of a sequence is a function of all before it,
/// read from pages that remember what was written there, so a wrong position or page, a lost or a repeated
/// token shows in the answer.
class planner_world {
public:
  planner_world(planner_limits with, int32_t page_count)
      : planner(with), limits_(with), book(page_count, with.window) {}

  /// Of what the last position sees, where there is a window.
  static token_id next_token(const std::vector<token_id>& known, attention_window window = {}) {
    uint32_t hash = 2166136261u;
    const auto last = static_cast<int32_t>(known.size()) - 1;
    for (int32_t at = 0; at <= last; ++at)
      if (window.sees(last, at))
        hash = (hash ^ static_cast<uint32_t>(known[static_cast<size_t>(at)])) * 16777619u;
    return static_cast<token_id>(hash % 1000);
  }

  void submit(sequence_id id, std::vector<token_id> prompt, int32_t max_tokens, std::string tenant = {},
              int32_t priority = 0) {
    dispatch_sequence sequence;
    sequence.spec.tenant = std::move(tenant);
    sequence.spec.priority = priority;
    sequence.id = id;
    sequence.spec.prompt = prompt;
    sequence.spec.max_tokens = max_tokens;
    prompts[id] = std::move(prompt);
    limits[id] = max_tokens;
    act(planner.add(std::move(sequence), clock.now()));
  }

  void act(batch_planner::effects effects) {
    preempted += effects.preempted;
    if (effects.health)
      ++reports;
    if (effects.plan) {
      REQUIRE_FALSE(plan); // one step in flight
      plan = std::move(effects.plan);
    }
    if (effects.pages) {
      REQUIRE_FALSE(pages);
      pages = std::move(effects.pages);
    }
    if (effects.wake_at)
      wake_at = effects.wake_at;
  }

  /// One thing that is pending happens; false: nothing is.
  bool turn(std::mt19937& random) {
    std::vector<int> choices;
    if (plan)
      choices.push_back(0);
    if (pages)
      choices.push_back(1);
    if (!acks.empty())
      choices.push_back(2);
    if (choices.empty() && wake_at) {
      clock.advance(*wake_at - clock.now());
      wake_at.reset();
      act(planner.wake(clock.now()));
      return true;
    }
    if (choices.empty())
      return false;
    switch (choices[random() % choices.size()]) {
    case 0:
      run_step();
      break;
    case 1:
      answer_pages();
      break;
    default:
      auto step = acks.back();
      acks.clear();
      act(planner.acknowledge(step, clock.now()));
    }
    return true;
  }

  void run_step() {
    auto step = std::move(*plan);
    plan.reset();
    step_result result;
    result.step = step.step;
    result.step_us = 1000;
    clock.advance(milliseconds(1));
    for (const auto& sequence : step.started)
      CHECK(started.insert(sequence.id).second);
    for (auto id : step.ended)
      started.erase(id);
    int32_t tokens = 0;
    for (const auto& row : step.rows) {
      tokens += static_cast<int32_t>(row.tokens.size());
      if (row.id == 0) {
        ++canaries;
        continue;
      }
      CHECK(started.contains(row.id));
      write(row);
    }
    for (const auto& row : step.rows) {
      if (row.id == 0)
        continue;
      const auto known = read(row); // after all writes: nobody else may have written to its pages
      first_cached.try_emplace(row.id, row.cached_tokens);
      begun.try_emplace(row.id, clock.now());
      computed[row.id] += static_cast<int32_t>(row.tokens.size());
      if (row.sample) {
        auto& answer = answers[row.id];
        answer.push_back(next_token(known, limits_.window));
        const bool last = static_cast<int32_t>(answer.size()) == limits[row.id];
        result.tokens.push_back({.id = row.id,
                                 .position = static_cast<int32_t>(answer.size()) - 1,
                                 .token = answer.back(),
                                 .finish = last ? finish_reason::length : finish_reason::none});
        if (last)
          ended.push_back(row.id);
      }
    }
    CHECK(tokens <= limits_.max_batch_tokens);
    CHECK(static_cast<int32_t>(step.rows.size()) <= limits_.max_batch_size);
    result.computed_tokens = tokens;
    if (!result.tokens.empty())
      acks.push_back(step.step);
    CHECK(acks.size() <= 2); // the ledger's credit
    act(planner.step_done(result, clock.now()));
  }

  void answer_pages() {
    auto request = std::move(*pages);
    pages.reset();
    for (auto id : request.released)
      if (!std::ranges::count(ended, id))
        gave_way.push_back(id);
    auto answer = book.answer(request);
    for (const auto& grant : answer.grants)
      waits += grant.awaits ? 1 : 0;
    book.check_conservation();
    act(planner.grants(std::move(answer), clock.now()));
  }

  /// Until nothing is pending.
  void finish(uint32_t seed = 1) {
    std::mt19937 random(seed);
    while (turn(random)) {
    }
  }

  /// What a row's pages hold, from the first position to the row's last; -1 in those that it does not see.
  std::vector<token_id> read(const step_row& row) const {
    std::vector<token_id> known;
    const auto end = row.position + static_cast<int32_t>(row.tokens.size());
    for (int32_t at = 0; at < end; ++at) {
      const auto page = row.block_table.at(static_cast<size_t>(at / page_tokens));
      if (page == no_page) {
        CHECK_FALSE(limits_.window.sees(row.position, at));
        known.push_back(-1);
        continue;
      }
      known.push_back(memory.at({page, at % page_tokens}));
    }
    return known;
  }

  void write(const step_row& row) {
    CHECK(static_cast<int32_t>(row.block_table.size()) ==
          pages_of(row.position + static_cast<int32_t>(row.tokens.size())));
    for (int32_t i = 0; i < static_cast<int32_t>(row.tokens.size()); ++i) {
      const auto at = row.position + i;
      memory[{row.block_table.at(static_cast<size_t>(at / page_tokens)), at % page_tokens}] =
          row.tokens[static_cast<size_t>(i)];
    }
  }

  std::vector<token_id> expected(sequence_id id) const {
    auto known = prompts.at(id);
    std::vector<token_id> answer;
    for (int i = 0; i < limits.at(id); ++i) {
      answer.push_back(next_token(known, limits_.window));
      known.push_back(answer.back());
    }
    return answer;
  }

  manual_clock clock;
  batch_planner planner;
  planner_limits limits_;
  page_book book;
  std::optional<step_plan> plan;
  std::optional<page_request> pages;
  std::optional<steady_time> wake_at;
  std::vector<uint64_t> acks;
  std::set<sequence_id> started;
  std::map<std::pair<page_id, int32_t>, token_id> memory; // (page, place in it) → token
  std::map<sequence_id, std::vector<token_id>> prompts, answers;
  std::map<sequence_id, int32_t> limits, computed, first_cached;
  std::vector<sequence_id> ended, gave_way; // in this order; cancelled ones count among the latter
  std::map<sequence_id, steady_time> begun;
  int preempted = 0, reports = 0, canaries = 0, waits = 0;
};

inline planner_limits small_limits() {
  return {.max_batch_size = 4,
          .max_batch_tokens = 64,
          .step_time_max = milliseconds(200),
          .batch_window = milliseconds(50),
          .canary_page = 1000};
}

inline std::vector<token_id> random_prompt(std::mt19937& random, size_t length_max) {
  std::vector<token_id> prompt(1 + random() % length_max);
  for (auto& token : prompt)
    token = static_cast<token_id>(random() % 1000);
  return prompt;
}

} // namespace troupe
