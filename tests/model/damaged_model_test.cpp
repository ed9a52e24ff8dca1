// Damages that a file may have, each with the sentence that it gets.
#include "model/errors.hpp"
#include "model/language_model.hpp"
#include "tests/model/gguf_builder.hpp"
#include "tests/model/tiny_gguf.hpp"
#include "tests/model/whole_load.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <limits>
#include <unistd.h>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string refusal(const tiny_gguf& parts) {
  const auto file = joined(parts);
  const auto got = load_whole(std::as_bytes(std::span(file)));
  return got.loaded ? "loaded" : got.sentence;
}

/// The tiny model with bytes behind a text of its header replaced: `skip` bytes after the text's end.
template <class Number>
std::string refusal_with(std::string_view text, size_t skip, Number number) {
  auto parts = make_tiny_gguf();
  const auto at = parts.header.find(text);
  REQUIRE(at != parts.header.npos);
  std::memcpy(parts.header.data() + at + text.size() + skip, &number, sizeof number);
  return refusal(parts);
}

/// A metadata value: its type's number stands in front.
template <class Number>
std::string with_value(std::string_view key, Number number) {
  return refusal_with(key, 4, number);
}

std::string with_text(std::string_view before, std::string_view after) {
  auto parts = make_tiny_gguf();
  const auto at = parts.header.find(before);
  REQUIRE(at != parts.header.npos);
  REQUIRE(before.size() == after.size());
  parts.header.replace(at, before.size(), after);
  return refusal(parts);
}

/// One more key in front of the others.
std::string with_key(const gguf_builder& key) {
  auto parts = make_tiny_gguf();
  ++parts.header[16]; // the count of keys
  parts.header.insert(24, key.bytes());
  return refusal(parts);
}

bool has(const std::string& sentence, const std::string& part) {
  UNSCOPED_INFO(sentence);
  return sentence.find(part) != sentence.npos;
}

} // namespace

TEST_CASE("damaged models: sizes that contradict", "[damaged]") {
  CHECK(has(with_value("llama.block_count", 0u), "llama.block_count: expected 1 to 1024, got 0"));
  CHECK(has(with_value("llama.block_count", 2u), "tensor blk.1.attn_norm.weight is missing"));
  CHECK(has(with_value("llama.block_count", 0xffffffffu), "expected 1 to 1024"));
  CHECK(has(with_value("llama.embedding_length", 64u), "token_embd.weight: expected [64, 20], got [32, 20]"));
  CHECK(has(with_value("llama.attention.head_count", 0u), "expected 1 to 1024, got 0"));
  CHECK(has(with_value("llama.attention.head_count_kv", 0u), "expected 1 to 1024, got 0"));
  CHECK(has(with_value("llama.attention.head_count_kv", 3u), "a multiple of kv_heads 3, got 2"));
  CHECK(has(with_value("llama.attention.key_length", 15u), "one width: 15, 16, 16"));
  CHECK(has(with_value("llama.rope.dimension_count", 8u), "one width: 16, 16, 8"));
  CHECK(has(with_value("llama.context_length", 1u << 30), "expected 1 to 16777216"));
  CHECK(has(refusal_with("blk.0.attn_q.weight", 4, uint64_t{64}), "tiny.gguf: "));
}

TEST_CASE("damaged models: numbers that are none", "[damaged]") {
  using limits = std::numeric_limits<float>;
  const auto epsilon = [](float value) { return with_value("layer_norm_rms_epsilon", value); };
  for (const float value : {0.0f, -1.0f, 1.0f, limits::infinity(), -limits::infinity(), limits::quiet_NaN()})
    CHECK(has(epsilon(value), "norm_epsilon: expected above 0 and below 1"));
  CHECK(has(epsilon(1e-42f), "loaded"));
  const auto base = [](float value) { return with_value("rope.freq_base", value); };
  for (const float value : {0.0f, -1.0f, limits::infinity(), limits::quiet_NaN()})
    CHECK(has(base(value), "rope_base: expected 1 to 1e12"));
}

TEST_CASE("damaged models: tokens outside of the vocabulary", "[damaged]") {
  CHECK(has(with_value("bos_token_id", 20u), "bos_token_id is 20, should be 0 to 19"));
  CHECK(has(with_value("eos_token_id", 0xffffffffu), "should be 0 to 19"));
  CHECK(has(with_value("padding_token_id", int64_t{-1}), "is -1, should be 0 to 19"));
  CHECK(has(with_text("ab c", "ax c"), "merge number 1 (ax c) joins or makes something that is no token"));
  CHECK(has(with_text("<think>", "<\xffhink>"), "the special token 18 (<?hink>)"));
}

TEST_CASE("damaged models: texts of a file reach messages as one printable line", "[damaged]") {
  CHECK(has(with_text({"\5\0\0\0\0\0\0\0llama", 13}, {"\5\0\0\0\0\0\0\0l\n\x1b\xffz", 13}),
            "supported are llama, qwen2, qwen3, gemma3, got l???z"));
  CHECK(has(with_text("blk.0.ffn_up.weight", "blk.0.\n\x1b[31mp.weigh"),
            "tensor blk.0.ffn_up.weight is missing"));
  CHECK(has(with_text({"\x0d\0\0\0\0\0\0\0output.weight", 21}, {"\x0d\0\0\0\0\0\0\0out\nut.weight", 21}),
            "tensor out?ut.weight is none"));
}

TEST_CASE("damaged models: a part of a split model, and arrays where numbers should be", "[damaged]") {
  CHECK(has(with_key(gguf_builder().key("split.count", gguf_type::uint16).number<uint16_t>(3)),
            "one of 3 parts"));
  CHECK(has(with_key(gguf_builder().key("split.count", gguf_type::uint16).number<uint16_t>(1)), "loaded"));
  auto heads = with_text("llama.attention.head_count\x04", "llama.attention.head_count\x09");
  CHECK(has(heads, "claims"));
  gguf_builder nested;
  nested.array("deep", gguf_type::array, uint64_t{1} << 60);
  CHECK(has(with_key(nested), "claims 1152921504606846976 elements, at most 16777216 are read"));
}

TEST_CASE("damaged models: bytes in memory are read as a file is, and named", "[damaged]") {
  const auto bytes = joined(make_tiny_gguf());
  const auto file = gguf_file::over(std::as_bytes(std::span(bytes)), "some name");
  REQUIRE(file);
  CHECK(file->file_bytes() == bytes.size());
  CHECK(file->bytes().data() == reinterpret_cast<const std::byte*>(bytes.data()));
  CHECK(gguf_file::over({}, "some name").error().message.starts_with("some name: "));
}

TEST_CASE("damaged models: who wants to write into an open file waits until it is closed", "[damaged]") {
  const temporary_file stored(joined(make_tiny_gguf()));
  const auto write = [&] {
    const int file = ::open(stored.path().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    const int why = file < 0 ? errno : 0;
    if (file >= 0)
      ::close(file);
    return why;
  };
  CHECK(write() == 0);
  {
    const auto file = gguf_file::open(stored.path());
    REQUIRE(file);
    const int probe = ::open(stored.path().c_str(), O_RDONLY | O_CLOEXEC);
    const bool leases = ::fcntl(probe, F_SETLEASE, F_RDLCK) == 0; // not on every file system
    ::close(probe);
    if (leases)
      CHECK(write() == EWOULDBLOCK); // and nobody is told by a signal: this process goes on
    else
      WARN("this file system has no leases");
    CHECK(file->get_string("general.architecture") == "llama");
  }
  CHECK(write() == 0);
}
