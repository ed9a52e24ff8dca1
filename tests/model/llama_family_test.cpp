#include "model/llama.hpp"
#include "model/llama_family.hpp"
#include "tests/model/gguf_builder.hpp"
#include "tests/model/reference_comparison.hpp"
#include "tests/reference/family_model.hpp"
#include "tests/reference/random_values.hpp"
#include "tests/reference/reference_llama.hpp"

#include <mutex>

using namespace troupe;

namespace {

constexpr int32_t vocabulary = 320;

std::vector<token_id> random_tokens(size_t count) {
  reference::random_values random(6);
  std::vector<token_id> out(count);
  for (auto& token : out)
    token = random.below(vocabulary);
  return out;
}

std::vector<std::pair<std::string, reference::tiny_weights>> all_weights() {
  std::vector<std::pair<std::string, reference::tiny_weights>> out;
  for (const auto& family : llama_families())
    out.emplace_back(family.architecture, reference::make_family_weights(family.architecture, 5));
  out.emplace_back("llama, scaled rotation", reference::make_scaled_rope_weights(5));
  return out;
}

std::shared_ptr<const language_model> model_of(const reference::tiny_weights& weights, instruction_set isa) {
  auto made = llama::create(weights.parameters, weights.tensors, {.isa = isa}, {});
  if (!made)
    throw std::runtime_error(made.error().what());
  return *made;
}

} // namespace

TEST_CASE("every family agrees with float64", "[llama]") {
  const auto tokens = random_tokens(100);
  for (const auto& [name, weights] : all_weights()) {
    const auto model = model_of(weights, detect_instruction_set());
    model_runner runner(*model, 2, 1, 100, 64);
    const auto ours = runner.all_logits(0, tokens, {64});
    comparison found;
    std::mutex guard;
    reference::reference_logits(
        weights.parameters, weights.tensors, tokens, 0, 2, [&](size_t t, std::span<const double> want) {
          const std::lock_guard lock(guard);
          compare_position(want, std::span(ours).subspan(t * vocabulary, vocabulary), nullptr, 0.01, found);
        });
    INFO(name << ": worst " << found.worst() << ", median " << found.median());
    CHECK(found.differences.size() == 100);
    CHECK(found.worst() < 0.01);
    CHECK(found.median() < 0.004);
    CHECK(found.other_tokens == 0);
  }
}

TEST_CASE("every family: path, threads and chunking change no bit", "[llama]") {
  const auto tokens = random_tokens(70);
  for (const auto& [name, weights] : all_weights()) {
    const auto portable = model_of(weights, instruction_set::portable);
    const auto expected = model_runner(*portable, 1, 1, 70, 70).all_logits(0, tokens, {70});
    for (auto isa : available_instruction_sets()) {
      if (isa == instruction_set::portable)
        continue;
      const auto model = model_of(weights, isa);
      CHECK(model->numeric_class() == portable->numeric_class());
      for (const auto& steps : {std::vector{70}, {1}, {37, 16, 1}}) {
        INFO(name << " on " << to_string(isa) << ", first step " << steps.front());
        CHECK(same_floats(model_runner(*model, 2, 1, 70, 70).all_logits(0, tokens, steps), expected));
      }
    }
  }
}

TEST_CASE("what makes a family's numbers is part of its class", "[llama]") {
  std::vector<uint64_t> classes;
  for (const auto& [name, weights] : all_weights())
    classes.push_back(model_of(weights, instruction_set::portable)->numeric_class());
  auto other = reference::make_family_weights("gemma3", 5);
  other.parameters.local_rope_base = 20'000.0;
  classes.push_back(model_of(other, instruction_set::portable)->numeric_class());
  other = reference::make_family_weights("gemma3", 5);
  other.parameters.attention_scale = 0.1f;
  classes.push_back(model_of(other, instruction_set::portable)->numeric_class());
  other = reference::make_scaled_rope_weights(5);
  other.parameters.rope_divisor = 2.0;
  classes.push_back(model_of(other, instruction_set::portable)->numeric_class());
  std::sort(classes.begin(), classes.end());
  CHECK(std::adjacent_find(classes.begin(), classes.end()) == classes.end());
}

TEST_CASE("a family's tensors are asked for by name", "[llama]") {
  for (const auto& [architecture, tensor] : {std::pair{"qwen2", "blk.1.attn_k.bias"},
                                             {"qwen3", "blk.0.attn_q_norm.weight"},
                                             {"gemma3", "blk.2.post_ffw_norm.weight"}}) {
    auto weights = reference::make_family_weights(architecture, 1);
    std::erase_if(weights.tensors, [&](const auto& t) { return t.name == tensor; });
    const auto made = llama::create(weights.parameters, weights.tensors, {}, {});
    REQUIRE_FALSE(made);
    CHECK(made.error().message == std::string("tensor ") + tensor + " is missing");
  }
}

namespace {

/// The header of a model of 12 layers with a token embedding, and what else `add` writes: `keys` keys.
result<llama_parameters> read(const std::string& architecture, int keys,
                              const std::function<void(test::gguf_builder&)>& add) {
  test::gguf_builder bytes;
  bytes.preamble(1, 8 + static_cast<uint64_t>(keys)).text("general.architecture", architecture);
  const auto number = [&](const char* key, uint32_t value) {
    bytes.key(architecture + "." + key, gguf_type::uint32).number(value);
  };
  number("block_count", 12);
  number("context_length", 2048);
  number("embedding_length", 128);
  number("feed_forward_length", 96);
  number("attention.head_count", 4);
  number("attention.key_length", 64);
  bytes.key(architecture + ".attention.layer_norm_rms_epsilon", gguf_type::float32).number(1e-6f);
  add(bytes);
  bytes.tensor("token_embd.weight", {128, 4}, 0, 0).pad().raw(std::string(128 * 4 * 4, '\0'));
  const auto file = gguf_file::over(std::as_bytes(std::span(bytes.bytes())), "test");
  REQUIRE(file);
  return read_llama_parameters(*file);
}

} // namespace

TEST_CASE("a family's metadata is read under its own name", "[llama]") {
  const auto qwen = read(
      "qwen2", 1, [](auto& bytes) { bytes.key("qwen2.rope.freq_base", gguf_type::float32).number(1e6f); });
  REQUIRE(qwen);
  CHECK(qwen->family.projection_bias);
  CHECK(qwen->shape.head_dim == 64);
  CHECK(qwen->rope_base == 1e6);
  CHECK(qwen->windows.empty());

  const auto gemma = read("gemma3", 2, [](auto& bytes) {
    bytes.key("gemma3.attention.sliding_window", gguf_type::uint32).number(uint32_t{512});
    bytes.key("gemma3.rope.freq_base", gguf_type::float32).number(1e6f);
  });
  REQUIRE(gemma);
  CHECK(gemma->local_rope_base == 10'000.0);
  for (int32_t i = 0; i < 12; ++i) { // five local layers, then one that sees everything
    CHECK(gemma->window_of(i).positions == (i % 6 == 5 ? 0 : 512));
    CHECK(gemma->is_local(i) == (i % 6 != 5));
  }

  const auto linear = read("llama", 2, [](auto& bytes) {
    bytes.text("llama.rope.scaling.type", "linear");
    bytes.key("llama.rope.scaling.factor", gguf_type::float32).number(8.0f);
  });
  REQUIRE(linear);
  CHECK(linear->rope_divisor == 8.0);
}

TEST_CASE("what is not computed is refused in one sentence", "[llama]") {
  const auto nothing = [](auto&) {};
  CHECK(read("phi3", 0, nothing).error().message ==
        "general.architecture: supported are llama, qwen2, qwen3, gemma3, got phi3");
  const auto yarn = read("qwen2", 1, [](auto& bytes) { bytes.text("qwen2.rope.scaling.type", "yarn"); });
  CHECK(yarn.error().message == "qwen2.rope.scaling.type: only none and linear are supported, got yarn");
  const auto capped = read("gemma3", 1, [](auto& bytes) {
    bytes.key("gemma3.final_logit_softcapping", gguf_type::float32).number(30.0f);
  });
  CHECK(capped.error().message == "gemma3.final_logit_softcapping: capped logits are not supported");
  const auto scaled = read("llama", 2, [](auto& bytes) {
    bytes.text("llama.rope.scaling.type", "linear");
    bytes.key("llama.rope.scaling.factor", gguf_type::float32).number(0.0f);
  });
  CHECK(scaled.error().message == "rope_divisor: expected 1 to 1e6, got 0");
}
