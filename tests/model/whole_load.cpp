#include "tests/model/whole_load.hpp"

#include "base/utf8.hpp"
#include "kernels/cpu/aligned_buffer.hpp"
#include "model/chat_template.hpp"
#include "model/gguf_file.hpp"
#include "model/language_model.hpp"
#include "model/tokenizer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vector>

namespace troupe::test {

namespace {

constexpr size_t kv_bytes = 1 << 20;
constexpr int32_t step_width_max = 1 << 14; // of the models that are made to compute

load_outcome refused(const char* stage, const error& why) {
  return {false, stage, why.message};
}

/// A sentence of every kind of text, with and without special tokens.
status use(const tokenizer& tokens) {
  const std::string text = "abc <|im_start|>us\u00e9\n\xff ab<think>";
  for (const auto token : tokens.encode(text))
    tokens.token_bytes(token);
  const std::vector<text_segment> segments{{"<|im_start|>", false}, {text, true}, {"<|im_end|>\n", false}};
  for (const auto token : tokens.encode_segments(segments))
    if (token < 0 || token >= tokens.vocabulary())
      return failure(model_error::bad_vocabulary, "the tokenizer made a token outside of its vocabulary");
  return {};
}

status render(const tokenizer& tokens) {
  if (!tokens.chat_template())
    return {};
  const auto parsed = chat_template::parse(*tokens.chat_template());
  if (!parsed)
    return forward_error(parsed);
  static const nlohmann::ordered_json messages = {{{"role", "user"}, {"content", "abc us"}},
                                                  {{"role", "assistant"}, {"content", " a\nb"}}};
  chat_inputs inputs;
  inputs.messages = &messages;
  inputs.add_generation_prompt = true;
  if (const auto bos = tokens.bos())
    inputs.bos_token = tokens.token_bytes(*bos);
  const template_limits limits{.steps_max = 20'000, .text_bytes_max = 1 << 20, .output_bytes_max = 1 << 18};
  const auto segments = parsed->render(inputs, limits);
  if (!segments)
    return {}; // a request that fails, not a load
  tokens.encode_segments(*segments);
  return {};
}

status compute(const language_model& model) {
  const auto& shape = model.shape();
  if (shape.hidden > step_width_max || shape.feed_forward > step_width_max ||
      shape.vocabulary > step_width_max || model.page_bytes() > kv_bytes || shape.context_length < 3)
    return {};
  aligned_buffer pages(model.page_bytes());
  forward_scratch scratch(shape, 4);
  static thread_pool threads(1);
  const std::vector<token_id> tokens{0, shape.vocabulary - 1, shape.vocabulary / 2};
  const std::vector<page_id> table{0};
  const sequence_slice slice{tokens, 0, table, 1};
  std::vector<float> logits(static_cast<size_t>(shape.vocabulary));
  return model.forward({&slice, 1}, {pages.data(), pages.size()}, scratch, threads, logits);
}

} // namespace

load_outcome load_whole(std::span<const std::byte> bytes) {
  const auto file = gguf_file::over(bytes, "tiny.gguf");
  if (!file)
    return refused("file", file.error());
  const auto tokens = tokenizer::from_gguf(*file);
  if (!tokens)
    return refused("tokenizer", tokens.error());
  if (const auto used = use(**tokens); !used)
    return refused("tokenizer", used.error());
  if (const auto rendered = render(**tokens); !rendered)
    return refused("template", rendered.error());
  const auto model = load_language_model(*file, {.isa = detect_instruction_set(), .kv_bytes_max = kv_bytes});
  if (!model)
    return refused("weights", model.error());
  if (const auto computed = compute(**model); !computed)
    return refused("step", computed.error());
  return {true, {}, {}};
}

std::string fault_of_sentence(const std::string& sentence) {
  if (sentence.size() < 10 || sentence.size() > 600)
    return fmt::format("it has {} bytes", sentence.size());
  if (!is_utf8(sentence))
    return "it is not UTF-8";
  for (const char c : sentence)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return "it has a control character";
  return {};
}

} // namespace troupe::test
