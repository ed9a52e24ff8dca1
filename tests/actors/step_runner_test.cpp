#include "actors/step_runner.hpp"

#include "base/check.hpp"
#include "base/page_size.hpp"
#include "kernels/errors.hpp"
#include "tests/reference/tiny_model.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>

using namespace troupe;

namespace {

constexpr int32_t batch_max = 8;
constexpr int32_t positions_max = 128;

/// A model that chooses greedy tokens itself, as one on a card does.
class choosing_model final : public language_model {
public:
  const model_shape& shape() const override { return model_->shape(); }
  size_t page_bytes() const override { return model_->page_bytes(); }
  size_t weight_bytes() const override { return model_->weight_bytes(); }
  uint64_t numeric_class() const override { return model_->numeric_class(); }
  bool chooses_greedily() const override { return true; }

  status forward(std::span<const sequence_slice> slices, std::span<std::byte> kv_pages,
                 forward_scratch& scratch, thread_pool& threads, std::span<float> logits) const override {
    if (lost)
      return failure(kernel_error::device_failed, "cuda:0: a step: an illegal memory access");
    const auto wide = static_cast<size_t>(shape().vocabulary);
    std::vector<sequence_slice> plain(slices.begin(), slices.end());
    for (auto& slice : plain)
      if (std::exchange(slice.greedy, nullptr) != nullptr)
        slice.logit_rows = 1;
    size_t rows = 0, at = 0;
    for (const auto& slice : plain)
      rows += static_cast<size_t>(slice.logit_rows);
    std::vector<float> all(rows * wide);
    auto done = model_->forward(plain, kv_pages, scratch, threads, all);
    float* out = logits.data();
    auto* row = all.data();
    for (size_t i = 0; i < slices.size(); ++i, row += at * wide) {
      at = static_cast<size_t>(plain[i].logit_rows);
      if (slices[i].greedy != nullptr) {
        *slices[i].greedy = broken ? -1 : static_cast<token_id>(std::max_element(row, row + wide) - row);
        ++chosen;
      } else {
        out = std::copy_n(row, at * wide, out);
      }
    }
    return out == logits.data() + logits.size() ? done : failure(model_error::bad_step, "logits: other rows");
  }

  mutable size_t chosen = 0;
  bool broken = false; // its logits are not finite
  bool lost = false;   // its card computes no more

private:
  std::shared_ptr<const language_model> model_ = reference::make_tiny_model(7);
};

/// An engine of one thread: steps of any division, over a small random model.
class small_engine {
public:
  explicit small_engine(instruction_set isa = detect_instruction_set())
      : small_engine(reference::make_tiny_model(7, isa)) {}

  explicit small_engine(std::shared_ptr<const language_model> model,
                        std::function<void(const error&)> device_lost = {})
      : model_(std::move(model)),
        pages_(kv_store::create(batch_max * pages_of(positions_max), model_->page_bytes()).value()),
        runner_({model_, pages_, std::make_shared<thread_pool>(2), std::make_shared<step_record>(),
                 std::make_shared<std::mutex>(), &clock_, std::make_shared<poisoned_seeds>(), nullptr,
                 std::move(device_lost)},
                1, batch_max, 64) {}

  struct run {
    dispatch_sequence sequence;
    std::vector<sampled_token> tokens;
    int32_t computed = 0;
    bool started = false;

    int32_t known() const {
      return static_cast<int32_t>(sequence.spec.prompt.size() + sequence.emitted.size());
    }
    token_id token_at(int32_t position) const {
      const auto index = static_cast<size_t>(position);
      const auto& prompt = sequence.spec.prompt;
      return index < prompt.size() ? prompt[index] : sequence.emitted.at(index - prompt.size());
    }
    bool ended() const { return !tokens.empty() && tokens.back().finish != finish_reason::none; }
  };

  void add(sequence_spec spec, std::vector<token_id> emitted = {}) {
    run added;
    added.sequence.id = runs.size() + 1;
    added.sequence.spec = std::move(spec);
    added.sequence.emitted = std::move(emitted);
    runs.push_back(std::move(added));
  }

  /// Prompts in chunks of up to `chunk` tokens, until all have ended.
  void finish(int32_t chunk) {
    while (std::ranges::any_of(runs, [](auto& each) { return !each.ended(); }))
      step(chunk);
  }

  std::vector<run> runs;

private:
  void step(int32_t chunk) {
    step_plan plan;
    plan.step = ++steps_;
    int32_t rows_left = batch_max;
    for (auto& each : runs) {
      if (each.ended() || rows_left == 0)
        continue;
      const bool score = each.sequence.spec.prompt_logprobs && each.sequence.emitted.empty();
      auto count = std::min({each.known() - each.computed, chunk, score ? rows_left : chunk});
      rows_left -= score ? count : 1;
      step_row row{.id = each.sequence.id, .tokens = {}, .position = each.computed, .block_table = {}};
      for (int32_t i = 0; i < count; ++i)
        row.tokens.push_back(each.token_at(each.computed + i));
      for (page_id page = 0; page < pages_of(each.computed + count); ++page)
        row.block_table.push_back(page * batch_max + static_cast<page_id>(each.sequence.id - 1));
      each.computed += count;
      row.sample = each.computed == each.known();
      row.score = score;
      if (!std::exchange(each.started, true))
        plan.started.push_back(each.sequence);
      plan.rows.push_back(std::move(row));
    }
    for (const auto& token : runner_.run(plan).tokens) {
      auto& each = runs.at(token.id - 1);
      each.tokens.push_back(token);
      each.sequence.emitted.push_back(token.token);
    }
  }

  manual_clock clock_;
  std::shared_ptr<const language_model> model_;
  std::shared_ptr<kv_store> pages_;
  step_runner runner_;
  uint64_t steps_ = 0;
};

std::vector<token_id> prompt_of(size_t length, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<token_id> out(length);
  for (auto& token : out)
    token = static_cast<token_id>(random() % 320);
  return out;
}

sequence_spec ranked_spec() {
  sequence_spec spec;
  spec.prompt = prompt_of(23, 1);
  spec.sampling.seed = 42;
  spec.sampling.logprobs = 3;
  spec.sampling.frequency_penalty = 0.5f;
  spec.sampling.logit_bias = {{5, 2.0f}};
  spec.prompt_logprobs = 2;
  spec.max_tokens = 12;
  return spec;
}

/// All of an answer and of its log probabilities, bit by bit.
std::string bits_of(const small_engine::run& run) {
  std::string out;
  const auto add = [&](const logprob_list& list) {
    if (!list)
      return;
    for (const auto& each : *list) {
      auto all = each.top;
      all.push_back(each.chosen);
      for (const auto& one : all)
        out += std::to_string(one.token) + ":" + std::to_string(one.rank) + ":" +
               std::to_string(std::bit_cast<uint32_t>(one.logprob)) + " ";
    }
  };
  for (const auto& token : run.tokens) {
    out += "\n" + std::to_string(token.token) + " " + std::to_string(static_cast<int>(token.finish)) + " ";
    add(token.prompt_logprobs);
    add(token.logprobs);
  }
  return out;
}

std::string lone_bits(const sequence_spec& spec, int32_t chunk,
                      instruction_set isa = detect_instruction_set()) {
  small_engine engine(isa);
  engine.add(spec);
  engine.finish(chunk);
  return bits_of(engine.runs[0]);
}

} // namespace

TEST_CASE(
    "log probabilities have the same bits in any chunks, beside any neighbours, on any instruction set") {
  const auto spec = ranked_spec();
  const auto expected = lone_bits(spec, 8);
  CHECK(std::ranges::count(expected, '\n') == spec.max_tokens);
  for (const int32_t chunk : {1, 2, 3, 5})
    CHECK(lone_bits(spec, chunk) == expected);
  for (const auto isa : available_instruction_sets())
    CHECK(lone_bits(spec, 4, isa) == expected);
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    small_engine engine;
    for (uint32_t i = 0; i < 4; ++i) { // without seeds of their own, as intake draws them
      sequence_spec other;
      other.prompt = prompt_of(1 + random() % 40, random());
      other.sampling.seed = random();
      other.max_tokens = 1 + static_cast<int32_t>(random() % 30);
      if (random() % 2)
        other.prompt_logprobs = 0;
      engine.add(other);
      if (i == seed % 4)
        engine.add(spec);
    }
    engine.finish(1 + static_cast<int32_t>(random() % 8));
    const auto place = std::ranges::find_if(
        engine.runs, [&](auto& each) { return each.sequence.spec.prompt == spec.prompt; });
    CHECK(bits_of(*place) == expected);
  }
}

TEST_CASE("a prompt is ranked by what the model says of each of its tokens") {
  const auto spec = ranked_spec();
  small_engine engine;
  engine.add(spec);
  engine.finish(8);
  const auto& first = engine.runs[0].tokens.at(0);
  REQUIRE(first.prompt_logprobs);
  const auto& ranks = *first.prompt_logprobs;
  REQUIRE(ranks.size() == spec.prompt.size());
  CHECK(ranks[0].chosen.rank == 0);
  CHECK(ranks[0].top.empty());
  const auto model = reference::make_tiny_model(7);
  const auto vocabulary = static_cast<size_t>(model->shape().vocabulary);
  std::vector<float> logits(spec.prompt.size() * vocabulary);
  auto pages = kv_store::create(pages_of(positions_max), model->page_bytes()).value();
  forward_scratch scratch(model->shape(), 64);
  thread_pool threads(1);
  std::vector<page_id> table{0, 1};
  const std::vector<sequence_slice> slices{{spec.prompt, 0, table, static_cast<int32_t>(spec.prompt.size())}};
  REQUIRE(model->forward(slices, pages->bytes(), scratch, threads, logits));
  for (size_t at = 1; at < spec.prompt.size(); ++at) {
    const auto row = std::span(logits).subspan((at - 1) * vocabulary, vocabulary);
    double sum = 0;
    for (const float logit : row)
      sum += std::exp(static_cast<double>(logit));
    CHECK(ranks[at].chosen.token == spec.prompt[at]);
    CHECK(
        static_cast<double>(ranks[at].chosen.logprob) ==
        Approx(static_cast<double>(row[static_cast<size_t>(spec.prompt[at])]) - std::log(sum)).epsilon(1e-5));
    REQUIRE(ranks[at].top.size() == 2);
    CHECK(row[static_cast<size_t>(ranks[at].top[0].token)] == *std::ranges::max_element(row));
  }
  for (size_t i = 0; i < engine.runs[0].tokens.size(); ++i) {
    const auto& token = engine.runs[0].tokens[i];
    CHECK((token.prompt_logprobs != nullptr) == (i == 0));
    REQUIRE(token.logprobs);
    REQUIRE(token.logprobs->size() == 1);
    CHECK(token.logprobs->front().chosen.token == token.token);
    CHECK(token.logprobs->front().top.size() == 3);
  }
}

TEST_CASE("a later life goes on with the same bits and ranks no prompt") {
  const auto spec = ranked_spec();
  small_engine whole;
  whole.add(spec);
  whole.finish(8);
  std::vector<token_id> tokens;
  for (const auto& token : whole.runs[0].tokens)
    tokens.push_back(token.token);
  for (size_t cut = 1; cut < tokens.size(); cut += 3) {
    small_engine later;
    later.add(spec, {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(cut)});
    later.finish(8);
    REQUIRE(later.runs[0].tokens.size() == tokens.size() - cut);
    for (size_t i = cut; i < tokens.size(); ++i) {
      const auto& token = later.runs[0].tokens[i - cut];
      CHECK(token.token == tokens[i]);
      CHECK_FALSE(token.prompt_logprobs);
      CHECK(token.logprobs->front().chosen.logprob ==
            whole.runs[0].tokens[i].logprobs->front().chosen.logprob);
    }
  }
}

TEST_CASE("stop tokens end an answer, but not before min_tokens") {
  sequence_spec spec;
  spec.prompt = prompt_of(5, 3);
  spec.sampling.temperature = 0;
  spec.max_tokens = 10;
  small_engine free;
  free.add(spec);
  free.finish(8);
  const auto first = free.runs[0].tokens[0].token;
  for (const bool own : {true, false}) {
    (own ? spec.end_tokens : spec.stop_tokens) = {first};
    small_engine stopped;
    stopped.add(spec);
    spec.sampling.min_tokens = 4;
    stopped.add(spec);
    stopped.finish(8);
    REQUIRE(stopped.runs[0].tokens.size() == 1);
    CHECK(stopped.runs[0].tokens[0].finish == finish_reason::stop);
    REQUIRE(stopped.runs[1].tokens.size() >= 5);
    for (size_t i = 0; i < 4; ++i)
      CHECK(stopped.runs[1].tokens[i].token != first);
    spec.sampling.min_tokens = 0;
    spec.end_tokens.clear();
  }
}

TEST_CASE("a model that chooses greedy tokens itself gives the answers of one that gives its logits") {
  const auto model = std::make_shared<choosing_model>();
  small_engine chooses(model), plain;
  for (uint32_t i = 0; i < 7; ++i) {
    sequence_spec spec;
    spec.prompt = prompt_of(3 + 9 * i, i);
    spec.sampling.temperature = i == 1 ? 0.8f : 0.0f;
    spec.sampling.seed = i;
    spec.max_tokens = 12;
    if (i == 2)
      spec.sampling.logprobs = 2;
    if (i == 3)
      spec.sampling.repetition_penalty = 1.2f;
    if (i == 4)
      spec.sampling.logit_bias = {{9, 50.0f}};
    if (i == 5)
      spec.sampling.min_tokens = 5, spec.end_tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    if (i == 6)
      spec.prompt_logprobs = 1;
    chooses.add(spec);
    plain.add(spec);
  }
  chooses.finish(5);
  plain.finish(5);
  for (size_t i = 0; i < plain.runs.size(); ++i) {
    CAPTURE(i);
    CHECK(bits_of(chooses.runs[i]) == bits_of(plain.runs[i]));
  }
  CHECK(model->chosen >= 12);    // of the one that asks for nothing but the likeliest
  CHECK(model->chosen < 7 * 12); // and not those that need their logits
}

TEST_CASE("greedy logits that are not finite end the answer as sampled ones do") {
  const auto model = std::make_shared<choosing_model>();
  model->broken = true;
  small_engine engine(model);
  sequence_spec spec;
  spec.prompt = prompt_of(5, 3);
  spec.sampling.temperature = 0;
  spec.max_tokens = 4;
  engine.add(spec);
  engine.finish(8);
  REQUIRE(engine.runs[0].tokens.size() == 1);
  CHECK(engine.runs[0].tokens[0].finish == finish_reason::error);
  CHECK(engine.runs[0].tokens[0].position == 0);
}

TEST_CASE("a step on a lost card tells of it and gives no token; one that is wrong does not") {
  struct process_ended {};
  const auto model = std::make_shared<choosing_model>();
  std::string told;
  small_engine own(model, [&](const error& why) {
    told = why.message;
    throw process_ended{}; // an engine's own process ends within the call
  });
  small_engine guest(model); // in another's process
  sequence_spec spec;
  spec.prompt = prompt_of(5, 3);
  spec.prompt[2] = GENERATE(7, -1); // -1 is no token
  model->lost = spec.prompt[2] == 7;
  own.add(spec);
  guest.add(spec);
  if (model->lost)
    CHECK_THROWS_AS(own.finish(8), process_ended);
  else
    CHECK_THROWS_AS(own.finish(8), broken_invariant);
  CHECK(told.empty() != model->lost);
  CHECK_THROWS_AS(guest.finish(8), broken_invariant);
  CHECK(own.runs[0].tokens.empty());
  CHECK(guest.runs[0].tokens.empty());
}
