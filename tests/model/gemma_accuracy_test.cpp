#include "model/tokenizer.hpp"
#include "tests/model/other_models.hpp"
#include "tests/model/reference_comparison.hpp"

#include <iterator>
#include <mutex>

using namespace troupe;

namespace {

/// BOS and the first tokens of the English text.
std::vector<token_id> gemma_tokens(const gguf_file& file, size_t count) {
  const auto source = tokenizer::from_gguf(file).value();
  std::ifstream text("tests/reference/data/english.txt");
  REQUIRE(text);
  const std::string all{std::istreambuf_iterator<char>(text), {}};
  auto tokens = source->encode(all.substr(0, 8 * count));
  tokens.insert(tokens.begin(), source->bos().value());
  REQUIRE(tokens.size() >= count);
  tokens.resize(count);
  return tokens;
}

/// Logits of [first, tokens.size()) in one sequence.
std::vector<float> last_logits(const language_model& model, const std::vector<token_id>& tokens,
                               size_t first) {
  const auto count = static_cast<int32_t>(tokens.size()), begin = static_cast<int32_t>(first);
  model_runner runner(model, 2, 1, count, count);
  const auto middle = tokens.begin() + static_cast<std::ptrdiff_t>(first);
  runner.step({{0, {tokens.begin(), middle}, 0, 0}});
  return runner.step({{0, {middle, tokens.end()}, begin, count - begin}});
}

} // namespace

// Past the window of 512, so that local layers have forgotten the beginning. Two minutes on two cores, nearly
// all of it the float64 pass; 8 GB of memory.
TEST_CASE("Gemma 3 270M agrees with float64 on English", "[llama][accuracy]") {
  const auto file = test::open_gemma();
  if (!file)
    return;
  constexpr size_t count = 700, first = 450;
  const auto parameters = read_llama_parameters(*file);
  REQUIRE(parameters);
  const auto model = load_language_model(*file, {.isa = detect_instruction_set(), .positions_max = 1024});
  REQUIRE(model);
  const auto tokens = gemma_tokens(*file, count);
  const auto ours = last_logits(**model, tokens, first);
  comparison found;
  std::mutex guard;
  const auto vocabulary = static_cast<size_t>(parameters->shape.vocabulary);
  reference::reference_logits(
      *parameters, file->tensors(), tokens, first, 2, [&](size_t position, std::span<const double> want) {
        const std::lock_guard lock(guard);
        compare_position(want, std::span(ours).subspan((position - first) * vocabulary, vocabulary),
                         position + 1 < count ? &tokens[position + 1] : nullptr, 0.02, found);
      });
  report("Gemma 3 270M", found);
  CHECK(found.worst() <= 0.01);
  CHECK(found.median() <= 0.004);
  CHECK(found.other_tokens == 0);
  CHECK(std::abs(found.perplexity_ratio() - 1.0) <= 0.005);
}

TEST_CASE("Gemma 3 270M: paths and chunking change no bit", "[llama]") {
  const auto file = test::open_gemma();
  if (!file)
    return;
  const auto tokens = gemma_tokens(*file, 40);
  std::vector<float> expected;
  for (auto isa : available_instruction_sets()) {
    if (isa == instruction_set::portable)
      continue; // the vocabulary alone takes it minutes
    const auto model = *load_language_model(*file, {.isa = isa, .positions_max = 64});
    for (size_t first : {size_t{30}, size_t{7}}) {
      auto logits = last_logits(*model, tokens, first);
      logits.erase(logits.begin(),
                   logits.end() - 10 * static_cast<std::ptrdiff_t>(model->shape().vocabulary));
      if (expected.empty())
        expected = logits;
      INFO(to_string(isa) << " from " << first);
      CHECK(same_floats(logits, expected));
    }
  }
}
