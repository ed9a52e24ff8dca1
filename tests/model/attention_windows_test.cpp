#include "model/attention_windows.hpp"

#include "model/errors.hpp"
#include "model/llama.hpp"
#include "tests/model/gguf_builder.hpp"
#include "tests/model/llama_fixture.hpp"
#include "tests/reference/random_values.hpp"
#include "tests/reference/reference_llama.hpp"
#include "tests/reference/tiny_model.hpp"

#include <cmath>
#include <mutex>

using namespace troupe;
using test::gguf_builder;

namespace {

using windows = std::vector<attention_window>;

/// Metadata of these keys, whose values `add` writes.
result<windows> read(uint64_t keys, int32_t layers, const std::function<void(gguf_builder&)>& add) {
  gguf_builder file;
  file.preamble(0, keys);
  add(file);
  const std::string bytes = file.bytes();
  const auto parsed = gguf_file::over(std::as_bytes(std::span(bytes)), "test");
  REQUIRE(parsed);
  return read_attention_windows(*parsed, "llama", layers);
}

constexpr const char* width_key = "llama.attention.sliding_window";
constexpr const char* pattern_key = "llama.attention.sliding_window_pattern";

void width(gguf_builder& file, uint32_t positions) {
  file.key(width_key, gguf_type::uint32).number(positions);
}

std::string refusal(const result<windows>& got) {
  return got ? "read" : got.error().message;
}

std::vector<token_id> random_tokens(size_t count, uint64_t seed) {
  reference::random_values random(seed);
  std::vector<token_id> out(count);
  for (auto& token : out)
    token = random.below(320);
  return out;
}

std::shared_ptr<const language_model> windowed_model(const reference::tiny_weights& weights,
                                                     attention_window limit, instruction_set isa) {
  return *llama::create(weights.parameters, weights.tensors, {.isa = isa, .window = limit}, {});
}

} // namespace

TEST_CASE("windows are read from the metadata", "[windows]") {
  CHECK(read(0, 3, [](auto&) {}) == windows{});
  CHECK(read(1, 3, [](auto& file) { width(file, 0); }) == windows{});
  CHECK(read(1, 3, [](auto& file) { width(file, 512); }) == windows{{512, 0}, {512, 0}, {512, 0}});
  // Gemma 3: of each six layers the last sees everything.
  const auto gemma = read(2, 13, [](auto& file) {
    width(file, 512);
    file.key(pattern_key, gguf_type::uint32).template number<uint32_t>(6);
  });
  REQUIRE(gemma);
  for (size_t i = 0; i < 13; ++i)
    CHECK((*gemma)[i] == attention_window{i == 5 || i == 11 ? 0 : 512, 0});
  for (const auto type : {gguf_type::boolean, gguf_type::uint8})
    CHECK(read(2, 3, [&](auto& file) {
            width(file, 7);
            file.array(pattern_key, type, 3).raw(std::string("\1\0\1", 3));
          }) == windows{{7, 0}, {}, {7, 0}});
  CHECK(read(2, 2, [](auto& file) {
          width(file, 7);
          file.key(pattern_key, gguf_type::int32).template number<int32_t>(1);
        }) == windows{}); // the last of each one layer: nobody has a window
}

TEST_CASE("windows that make no sense are refused by name", "[windows]") {
  CHECK(refusal(read(1, 3, [](auto& file) { width(file, UINT32_MAX); })) ==
        "llama.attention.sliding_window: expected 0 to 16777216, got 4294967295");
  CHECK(refusal(read(1, 3, [](auto& file) { file.text(width_key, "wide"); })).find(width_key) !=
        std::string::npos);
  const auto pattern = [](const std::function<void(gguf_builder&)>& add) {
    return refusal(read(2, 3, [&](auto& file) {
      width(file, 7);
      add(file);
    }));
  };
  CHECK(pattern([](auto& file) { file.key(pattern_key, gguf_type::int32).template number<int32_t>(-1); }) ==
        "llama.attention.sliding_window_pattern: expected 0 to 3, got -1");
  CHECK(pattern([](auto& file) { file.array(pattern_key, gguf_type::boolean, 2).raw("\1\1"); }) ==
        "llama.attention.sliding_window_pattern: expected a flag for each of 3 layers, got 2");
  CHECK(pattern([](auto& file) { file.text(pattern_key, "all"); }) ==
        "llama.attention.sliding_window_pattern: expected a number or an array of flags");
}

TEST_CASE("a limit narrows what sees further, and the widest layer says what pages are needed", "[windows]") {
  windows all;
  limit_windows(all, {}, 2);
  CHECK(all.empty());
  CHECK(widest(all) == attention_window{});
  limit_windows(all, {100, 4}, 2);
  CHECK(all == windows{{100, 4}, {100, 4}});
  windows mixed{{64, 0}, {}, {512, 0}};
  CHECK(widest(mixed) == attention_window{});
  limit_windows(mixed, {128, 4}, 3);
  CHECK(mixed == windows{{64, 0}, {128, 4}, {128, 4}});
  CHECK(widest(mixed) == attention_window{128, 4});
  settings chosen;
  CHECK(window_of(chosen) == attention_window{});
  chosen.attention_window = 2048;
  chosen.attention_sinks = 16;
  CHECK(window_of(chosen) == attention_window{2048, 16});
}

TEST_CASE("windows are part of the numeric class, and no window leaves it as it was", "[windows]") {
  auto weights = reference::make_tiny_weights(3);
  const auto isa = detect_instruction_set();
  const auto plain = windowed_model(weights, {}, isa);
  CHECK(plain->numeric_class() == reference::make_tiny_model(3)->numeric_class());
  std::vector<uint64_t> classes{plain->numeric_class()};
  for (attention_window limit : {attention_window{64, 0}, {65, 0}, {64, 4}, {64, 5}}) {
    const auto model = windowed_model(weights, limit, isa);
    CHECK(model->shape().window == limit);
    classes.push_back(model->numeric_class());
  }
  weights.parameters.windows = {{64, 0}, {}};
  const auto mixed = windowed_model(weights, {}, isa);
  CHECK_FALSE(mixed->shape().window.limited()); // one layer sees everything
  classes.push_back(mixed->numeric_class());
  std::sort(classes.begin(), classes.end());
  CHECK(std::adjacent_find(classes.begin(), classes.end()) == classes.end());
  weights.parameters.windows.pop_back();
  CHECK(llama::create(weights.parameters, weights.tensors, {}, {}).error().message ==
        "windows: expected one for each of 2 layers, got 1");
}

TEST_CASE("windowed: every path, thread count and chunking gives the same logits", "[windows]") {
  const auto weights = reference::make_tiny_weights(7);
  const auto tokens = random_tokens(300, 1);
  for (attention_window limit : {attention_window{16, 0}, {17, 4}, {100, 16}, {256, 1}}) {
    const auto plain = windowed_model(weights, limit, instruction_set::portable);
    const auto expected = model_runner(*plain, 1, 1, 300, 300).all_logits(0, tokens, {300});
    for (auto isa : available_instruction_sets()) {
      const auto model = windowed_model(weights, limit, isa);
      CHECK(model->numeric_class() == plain->numeric_class());
      for (int threads : {1, 2})
        for (const auto& steps : {std::vector{1}, {7}, {16}, {255, 1}}) {
          INFO(to_string(isa) << ", threads " << threads << ", first step " << steps.front() << ", window "
                              << limit.positions);
          CHECK(
              same_floats(model_runner(*model, threads, 1, 300, 300).all_logits(0, tokens, steps), expected));
        }
    }
  }
}

TEST_CASE("windowed: the tiny model agrees with float64, each layer with its own window", "[windows]") {
  auto weights = reference::make_tiny_weights(5);
  weights.parameters.windows = {{40, 4}, {17, 0}};
  const auto model = windowed_model(weights, {}, detect_instruction_set());
  const auto tokens = random_tokens(300, 6);
  const auto ours = model_runner(*model, 2, 1, 300, 64).all_logits(0, tokens, {64});
  double worst = 0.0;
  std::mutex guard;
  reference::reference_logits(
      weights.parameters, weights.tensors, tokens, 0, 2, [&](size_t t, std::span<const double> want) {
        const auto [low, high] = std::minmax_element(want.begin(), want.end());
        const std::lock_guard lock(guard);
        for (size_t i = 0; i < want.size(); ++i)
          worst = std::max(worst, std::abs(want[i] - ours[t * 320 + i]) / (*high - *low));
      });
  CHECK(worst < 0.01);
  // The windows matter: without them the logits are others.
  const auto full = model_runner(*reference::make_tiny_model(5), 2, 1, 300, 64).all_logits(0, tokens, {64});
  CHECK_FALSE(same_floats(full, ours));
}

TEST_CASE("windowed: pages that no query sees any more may be anybody's", "[windows]") {
  const attention_window limit{40, 4};
  const auto model = windowed_model(reference::make_tiny_weights(11), limit, detect_instruction_set());
  const auto tokens = random_tokens(300, 9);
  const auto expected = model_runner(*model, 1, 1, 300, 64).all_logits(0, tokens, {64});
  // A sequence of 300 positions in 8 pages: sinks, up to 4 of the window, and that of the step.
  aligned_buffer pages(8 * model->page_bytes());
  std::fill_n(pages.data(), pages.size(), std::byte{0xff});
  forward_scratch scratch(model->shape(), 16);
  thread_pool threads(1);
  std::vector<page_id> table, unused{0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<float> logits(320);
  const auto step = [&](int32_t at, int32_t count) {
    const sequence_slice slice{std::span(tokens).subspan(static_cast<size_t>(at), static_cast<size_t>(count)),
                               at, table, 1};
    return model->forward({&slice, 1}, {pages.data(), pages.size()}, scratch, threads, logits);
  };
  for (int32_t at = 0; at < 300;) {
    const auto count = std::min(at < 128 ? 16 : 1, 300 - at);
    for (auto i = pages_of(limit.sinks); i < limit.first_of(at) / page_tokens; ++i)
      if (const auto page = std::exchange(table[static_cast<size_t>(i)], no_page); page != no_page) {
        std::fill_n(pages.data() + static_cast<size_t>(page) * model->page_bytes(), model->page_bytes(),
                    std::byte{0xff});
        unused.push_back(page);
      }
    while (table.size() < static_cast<size_t>(pages_of(at + count))) {
      REQUIRE_FALSE(unused.empty());
      table.push_back(unused.back());
      unused.pop_back();
    }
    REQUIRE(step(at, count));
    at += count;
    CHECK(std::memcmp(logits.data(), expected.data() + static_cast<size_t>(at - 1) * 320,
                      320 * sizeof(float)) == 0);
  }
  // What is seen must be there.
  const auto refused = [&](size_t entry) {
    const auto before = std::exchange(table[entry], no_page);
    const auto done = step(299, 1);
    table[entry] = before;
    return done ? "accepted" : done.error().message;
  };
  CHECK(refused(1) == "accepted");
  CHECK(refused(15) == "accepted"); // up to 259
  CHECK(refused(0) == "page: expected 0 to 7, got -1");
  CHECK(refused(16) == "page: expected 0 to 7, got -1");
  CHECK(refused(18) == "page: expected 0 to 7, got -1");
}

TEST_CASE("windowed: a file's claim of a context is bounded, since pages do not bound it", "[windows]") {
  auto weights = reference::make_tiny_weights(5);
  weights.parameters.shape.context_length = 1 << 24;
  const auto model =
      *llama::create(weights.parameters, weights.tensors, {.kv_bytes_max = 1 << 20, .window = {64, 0}}, {});
  CHECK(model->shape().context_length == 1 << 18);
}
