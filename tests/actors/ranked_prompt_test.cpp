#include "planner_world.hpp"

using namespace troupe;

namespace {

void submit_ranked(planner_world& world, sequence_id id, std::vector<token_id> prompt, int32_t max_tokens,
                   std::vector<token_id> emitted = {}) {
  dispatch_sequence sequence;
  sequence.id = id;
  sequence.spec.prompt = prompt;
  sequence.spec.max_tokens = max_tokens;
  sequence.spec.prompt_logprobs = 0;
  sequence.emitted = std::move(emitted);
  world.prompts[id] = std::move(prompt);
  world.limits[id] = max_tokens;
  world.act(world.planner.add(std::move(sequence), world.clock.now()));
}

} // namespace

TEST_CASE("every token of a ranked prompt gets a row of logits, and no step more rows than there are") {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto limits = small_limits();
    limits.max_batch_size = 1 + static_cast<int32_t>(random() % 6);
    planner_world world(limits, 22 + static_cast<int32_t>(random() % 20)); // few: some are preempted
    std::map<sequence_id, std::set<int32_t>> ranked;
    const auto same = random_prompt(random, 100);
    for (sequence_id id = 1; id <= 8; ++id) {
      const auto prompt = random() % 2 ? same : random_prompt(random, 100);
      const auto answer = 1 + static_cast<int32_t>(random() % 20);
      if (id % 2)
        submit_ranked(world, id, prompt, answer);
      else
        world.submit(id, prompt, answer);
    }
    do {
      if (!world.plan)
        continue;
      size_t logits_rows = 0;
      for (const auto& row : world.plan->rows) {
        logits_rows += row.score ? row.tokens.size() : 1;
        const bool prompt_phase = row.id % 2 && world.answers[row.id].empty();
        REQUIRE(row.score == prompt_phase);
        if (row.id % 2)
          CHECK((row.cached_tokens == 0 || !prompt_phase));
        for (size_t i = 0; row.score && i < row.tokens.size(); ++i)
          ranked[row.id].insert(row.position + static_cast<int32_t>(i));
      }
      REQUIRE(logits_rows <= static_cast<size_t>(limits.max_batch_size));
    } while (world.turn(random));
    for (sequence_id id = 1; id <= 8; ++id) {
      REQUIRE(world.answers[id] == world.expected(id));
      if (id % 2)
        REQUIRE(ranked[id].size() == world.prompts[id].size());
    }
    CHECK(world.book.used_pages() == 0);
  }
}

TEST_CASE("after its first token a sequence is like any other") {
  planner_world world(small_limits(), 40);
  submit_ranked(world, 1, std::vector<token_id>(40, 3), 4, {world.next_token(std::vector<token_id>(40, 3))});
  world.answer_pages();
  REQUIRE(world.plan);
  REQUIRE(world.plan->rows.size() == 1);
  CHECK_FALSE(world.plan->rows[0].score);
  CHECK(world.plan->rows[0].tokens.size() == 41);
}
