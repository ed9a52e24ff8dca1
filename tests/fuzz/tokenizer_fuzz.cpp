// Any bytes as text, through every pre-tokenizer that is known.
#include "base/utf8.hpp"
#include "model/byte_level.hpp"
#include "model/detokenizer.hpp"
#include "model/tokenizer.hpp"
#include "model/utf8_repair.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/model/gguf_builder.hpp"

#include <utf8proc.h>

using namespace troupe;
using namespace troupe::test;

namespace {

/// All 256 bytes, so that nothing is left out, and merges to disagree about.
std::shared_ptr<const tokenizer> made(const std::string& pre) {
  std::vector<std::string> tokens{"<|im_start|>", "<|im_end|>", "<think>"};
  std::vector<int32_t> kinds{3, 3, 4};
  const auto& characters = byte_level_characters();
  tokens.insert(tokens.end(), characters.begin(), characters.end());
  const std::vector<std::string> merges{"a a", "aa aa", "a b",           "ab c", "\u0120 a",     "\u0120a b",
                                        "1 1", "11 1",  "\u0120 \u0120", "' s",  "\u00c3 \u00a9"};
  for (const auto& merge : merges) {
    const auto space = merge.find(' ');
    tokens.push_back(merge.substr(0, space) + merge.substr(space + 1));
  }
  kinds.resize(tokens.size(), 1);
  gguf_builder bytes;
  bytes.preamble(0, 5).text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", pre);
  bytes.texts("tokenizer.ggml.tokens", tokens).texts("tokenizer.ggml.merges", merges);
  bytes.array("tokenizer.ggml.token_type", gguf_type::int32, kinds.size());
  for (const auto kind : kinds)
    bytes.number(kind);
  const auto file = gguf_file::over(std::as_bytes(std::span(bytes.bytes())), "fuzz.gguf");
  expect(file.has_value(), "the vocabulary is a GGUF");
  auto loaded = tokenizer::from_gguf(*file);
  expect(loaded.has_value(), "the vocabulary loads", loaded ? "" : loaded.error().message);
  return *loaded;
}

struct row {
  std::shared_ptr<const tokenizer> tokens;
  bool normalizes;
};

std::string decoded(const tokenizer& source, const std::vector<token_id>& tokens) {
  std::string out;
  for (const auto token : tokens) {
    expect(token >= 0 && token < source.vocabulary(), "a token lies in the vocabulary");
    out += source.token_bytes(token);
  }
  return out;
}

std::string streamed(const std::shared_ptr<const tokenizer>& source, const std::vector<token_id>& tokens) {
  detokenizer decoder(source);
  std::string out;
  for (const auto token : tokens) {
    const auto piece = decoder.push(token);
    expect(is_utf8(piece), "a piece of a stream is UTF-8");
    out += piece;
  }
  return out + decoder.finish();
}

void check(const row& each, std::string_view text, const std::string& repaired) {
  const auto& tokens = *each.tokens;
  const auto ids = tokens.encode(text);
  const auto back = decoded(tokens, ids);
  if (!each.normalizes)
    expect(back == repaired, "decode(encode(x)) is x");
  expect(is_utf8(back), "decoded text is UTF-8");
  expect(streamed(each.tokens, ids) == back, "a stream says what the whole does");
  expect(tokens.encode(back) == ids, "tokens of the decoded text are the same");
  for (const auto id : ids)
    expect(!tokens.is_special(id), "users make no special tokens");

  // A template around what a user said, cut in the middle.
  const auto half = std::string(text.substr(0, text.size() / 2)),
             rest = std::string(text.substr(text.size() / 2));
  const std::vector<text_segment> segments{
      {"<|im_start|>", false}, {half, true}, {rest, false}, {"<|im_end|>", false}};
  const auto whole = tokens.encode_segments(segments);
  expect(whole.size() >= 2 && whole.front() == 0 && whole.back() == 1,
         "the template's own special tokens are found");
  decoded(tokens, whole);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<row> rows{
      {made("gpt-2"), false}, {made("smollm"), false}, {made("llama-bpe"), false}, {made("qwen2"), true}};
  if (size < 1)
    return 0;
  const auto text = text_of(data + 1, size - 1);
  std::string repaired;
  append_repaired(text, true, repaired);
  expect(is_utf8(repaired), "repaired text is UTF-8");
  expect(!is_utf8(text) || repaired == text, "good text needs no repair");
  check(rows[data[0] % rows.size()], text, repaired);
  return 0;
}
