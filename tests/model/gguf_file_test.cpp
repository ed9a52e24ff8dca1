#include "model/errors.hpp"
#include "model/gguf_file.hpp"
#include "tests/model/gguf_builder.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <utility>

using namespace troupe;
using test::gguf_builder;

namespace {

/// Every value type once, and three tensors.
gguf_builder small_file() {
  gguf_builder file;
  file.preamble(3, 17);
  file.key("u8", gguf_type::uint8).number<uint8_t>(200);
  file.key("i8", gguf_type::int8).number<int8_t>(-5);
  file.key("u16", gguf_type::uint16).number<uint16_t>(60000);
  file.key("i16", gguf_type::int16).number<int16_t>(-6);
  file.key("u32", gguf_type::uint32).number<uint32_t>(4'000'000'000);
  file.key("i32", gguf_type::int32).number<int32_t>(-7);
  file.key("u64", gguf_type::uint64).number<uint64_t>(9);
  file.key("huge", gguf_type::uint64).number<uint64_t>(std::numeric_limits<uint64_t>::max());
  file.key("i64", gguf_type::int64).number<int64_t>(-8);
  file.key("f32", gguf_type::float32).number<float>(0.5f);
  file.key("f64", gguf_type::float64).number<double>(0.25);
  file.key("bool", gguf_type::boolean).number<uint8_t>(1);
  file.text("text", "hello");
  file.texts("texts", {"a", "", "ccc"});
  file.array("ints", gguf_type::int16, 3).number<int16_t>(1).number<int16_t>(-2).number<int16_t>(3);
  file.array("bools", gguf_type::boolean, 2).number<uint8_t>(1).number<uint8_t>(0);
  file.array("floats", gguf_type::float32, 2).number<float>(1.5f).number<float>(-2.0f);
  file.tensor("a", {32, 2}, 8, 0);     // q8_0: 68 bytes
  file.tensor("b", {3}, 0, 96);        // f32: 12 bytes
  file.tensor("c", {2, 1, 3}, 1, 128); // f16: 12 bytes
  file.pad();
  for (int i = 0; i < 140; ++i)
    file.number(static_cast<uint8_t>(i));
  return file;
}

void refuses(const gguf_builder& file, model_error code, const std::string& part) {
  const auto header = file.parse();
  REQUIRE_FALSE(header);
  INFO(header.error().what());
  CHECK(header.error().is(code));
  CHECK(header.error().message.find(part) != std::string::npos);
}

} // namespace

TEST_CASE("gguf: every value type and tensor is read") {
  const test::temporary_file stored(small_file().bytes());
  auto opened = gguf_file::open(stored.path());
  REQUIRE(opened);
  const gguf_file file = std::move(*opened); // views survive a move
  CHECK(file.get_integer("u8") == 200);
  CHECK(file.get_integer("i8") == -5);
  CHECK(file.get_integer("u16") == 60000);
  CHECK(file.get_integer("i16") == -6);
  CHECK(file.get_integer("u32") == 4'000'000'000);
  CHECK(file.get_integer("i32") == -7);
  CHECK(file.get_integer("u64") == 9);
  CHECK(file.get_integer("i64") == -8);
  CHECK(file.get_float("f32") == 0.5);
  CHECK(file.get_float("f64") == 0.25);
  CHECK(file.get_bool("bool") == true);
  CHECK(file.get_string("text") == "hello");
  const auto texts = file.get_strings("texts");
  REQUIRE(texts);
  CHECK(std::vector<std::string_view>(texts->begin(), texts->end()) ==
        std::vector<std::string_view>{"a", "", "ccc"});
  CHECK(file.get_integers("ints") == std::vector<int64_t>{1, -2, 3});
  CHECK(file.get_floats("floats") == std::vector<double>{1.5, -2.0});
  CHECK(file.has("bools"));
  CHECK_FALSE(file.has("nothing"));
  CHECK(file.file_bytes() == small_file().bytes().size());

  REQUIRE(file.tensors().size() == 3);
  const auto* c = file.find_tensor("c");
  REQUIRE(c);
  CHECK(c->type == tensor_type::f16);
  CHECK(c->shape == std::vector<uint64_t>{2, 1, 3});
  REQUIRE(c->data.size() == 12);
  CHECK(c->data[0] == std::byte{128});
  CHECK(file.find_tensor("a")->data.size() == 68);
  CHECK(file.find_tensor("d") == nullptr);
}

TEST_CASE("gguf: a getter of another type says so") {
  const test::temporary_file stored(small_file().bytes());
  const auto file = gguf_file::open(stored.path());
  REQUIRE(file);
  CHECK(file->get_integer("none").error().is(model_error::missing_key));
  CHECK(file->get_integer("huge").error().is(model_error::wrong_type));
  CHECK(file->get_integer("f32").error().is(model_error::wrong_type));
  CHECK(file->get_float("u8").error().is(model_error::wrong_type));
  CHECK(file->get_bool("u8").error().is(model_error::wrong_type));
  CHECK(file->get_string("texts").error().is(model_error::wrong_type));
  CHECK(file->get_strings("ints").error().is(model_error::wrong_type));
  CHECK(file->get_integers("bools").error().is(model_error::wrong_type));
  CHECK(file->get_floats("texts").error().is(model_error::wrong_type));
}

TEST_CASE("gguf: files that are not GGUF 3") {
  CHECK(gguf_file::open("models/there-is-no-such-file.gguf").error().is(model_error::cannot_open));
  CHECK(gguf_file::open(".").error().is(model_error::cannot_open));
  CHECK(gguf_file::open("/dev/null").error().message.find("regular") != std::string::npos);
  const test::temporary_file empty("");
  CHECK(gguf_file::open(empty.path()).error().message.find("empty") != std::string::npos);
  refuses(gguf_builder().raw("GG"), model_error::bad_format, "not a GGUF");
  refuses(gguf_builder().raw("PK\3\4 a zip file"), model_error::bad_format, "not a GGUF");
  refuses(gguf_builder().preamble(0, 0, 1), model_error::unsupported, "version 1");
  refuses(gguf_builder().preamble(0, 0, 2), model_error::unsupported, "version 2");
  refuses(gguf_builder().preamble(0, 0, 0), model_error::unsupported, "version 0");
  refuses(gguf_builder().preamble(0, 0, 0x03000000), model_error::unsupported, "big-endian");
  CHECK(gguf_builder().preamble(0, 0).parse());
}

TEST_CASE("gguf: counts and lengths are bounded") {
  const auto most = std::numeric_limits<uint64_t>::max();
  refuses(gguf_builder().preamble(most, 0), model_error::bad_format, "65536");
  refuses(gguf_builder().preamble(0, most), model_error::bad_format, "65536");
  refuses(gguf_builder().preamble(0, 1).number(most), model_error::bad_format, "65535");
  refuses(gguf_builder().preamble(0, 1).string(""), model_error::bad_format, "empty");
  refuses(gguf_builder().preamble(0, 1).key("k", gguf_type::string).number(most), model_error::bad_format,
          "16777216");
  refuses(gguf_builder().preamble(0, 1).array("k", gguf_type::uint8, most), model_error::bad_format,
          "16777216");
  refuses(gguf_builder().preamble(0, 1).array("k", gguf_type::string, 16'777'216), model_error::bad_format,
          "ends inside");
  refuses(gguf_builder().preamble(0, 1).key("k", static_cast<gguf_type>(13)), model_error::bad_format,
          "type 13");
  refuses(gguf_builder().preamble(0, 1).array("k", static_cast<gguf_type>(99), 1), model_error::bad_format,
          "type 99");
  refuses(gguf_builder().preamble(0, 1).key("k", gguf_type::boolean).number<uint8_t>(2),
          model_error::bad_format, "0 or 1");
  auto nested = gguf_builder().preamble(0, 1);
  nested.array("k", gguf_type::array, 1);
  for (int i = 0; i < 5; ++i)
    nested.number<uint32_t>(9).number<uint64_t>(1);
  refuses(nested, model_error::bad_format, "deeper");
  auto twice = gguf_builder().preamble(0, 2);
  refuses(twice.text("k", "a").text("k", "b"), model_error::bad_format, "twice");
  auto shallow = gguf_builder().preamble(0, 1);
  shallow.array("k", gguf_type::array, 1).number<uint32_t>(0).number<uint64_t>(2).number<uint16_t>(7);
  CHECK(shallow.parse());
  auto unprintable = gguf_builder().preamble(0, 1);
  refuses(unprintable.key("\xff\n", static_cast<gguf_type>(13)), model_error::bad_format, "??");
}

TEST_CASE("gguf: tensors are checked before use") {
  const auto with = [](std::vector<uint64_t> shape, uint32_t type, uint64_t offset) {
    auto file = gguf_builder().preamble(1, 0);
    file.tensor("t.weight", shape, type, offset).pad();
    return file.raw(std::string(64, 'x'));
  };
  CHECK(with({16}, 0, 0).parse());
  refuses(with({17}, 0, 0), model_error::bad_format, "t.weight needs 68 bytes");
  refuses(with({8}, 0, 64), model_error::bad_format, "needs 32 bytes at 64");
  refuses(with({8}, 0, uint64_t{1} << 63), model_error::bad_format, "t.weight");
  refuses(with({8}, 0, 4), model_error::bad_format, "alignment 32");
  refuses(with({}, 0, 0), model_error::bad_format, "0 dimensions");
  refuses(with({1, 1, 1, 1, 1}, 0, 0), model_error::bad_format, "5 dimensions");
  refuses(with({8, 0}, 0, 0), model_error::bad_format, "dimension of 0");
  refuses(with({uint64_t{1} << 32, uint64_t{1} << 32}, 0, 0), model_error::bad_format, "product");
  refuses(with({uint64_t{1} << 41}, 0, 0), model_error::bad_format, "product");
  refuses(with({31}, 2, 0), model_error::bad_format, "q4_0 block");
  refuses(with({288}, 12, 0), model_error::bad_format, "not a multiple of the 256 of a q4_k block");
  refuses(with({16}, 20, 0), model_error::bad_format, "not a multiple of the 32 of a iq4_nl block");
  refuses(with({512}, 14, 0), model_error::bad_format, "t.weight needs 420 bytes");
  refuses(with({256}, 16, 0), model_error::unsupported, "iq2_xxs (number 16)");
  refuses(with({256}, 4'000'000'000, 0), model_error::unsupported, "t.weight");
  refuses(with({256}, 16, 0), model_error::unsupported, "iq4_nl and bf16");

  auto overlapping = gguf_builder().preamble(2, 0);
  overlapping.tensor("a", {9}, 0, 0).tensor("b", {1}, 0, 32).pad().raw(std::string(64, 'x'));
  refuses(overlapping, model_error::bad_format, "a and b overlap");
  auto same_name = gguf_builder().preamble(2, 0);
  same_name.tensor("a", {8}, 0, 0).tensor("a", {1}, 0, 32).pad().raw(std::string(64, 'x'));
  refuses(same_name, model_error::bad_format, "twice");

  for (const uint32_t alignment : {0u, 4u, 24u, 131072u}) {
    auto file = gguf_builder().preamble(0, 1);
    refuses(file.key("general.alignment", gguf_type::uint32).number(alignment), model_error::bad_format,
            "alignment");
  }
  auto aligned = gguf_builder().preamble(1, 1);
  aligned.key("general.alignment", gguf_type::uint32).number<uint32_t>(64);
  CHECK(aligned.tensor("a", {8}, 0, 0).pad(64).raw(std::string(32, 'x')).parse());
}

TEST_CASE("gguf: no truncation and no flipped byte is fatal") {
  const std::string whole = small_file().bytes();
  const auto parse = [](std::string_view bytes) {
    // An exact allocation: a sanitizer sees any read past its end.
    const std::vector<std::byte> copy(reinterpret_cast<const std::byte*>(bytes.data()),
                                      reinterpret_cast<const std::byte*>(bytes.data()) + bytes.size());
    const auto header = parse_gguf(copy);
    if (!header)
      return header.error().message.empty() ? -1 : 0;
    uint64_t sum = 0;
    for (const auto& tensor : header->tensors)
      for (const auto byte : tensor.data)
        sum += static_cast<uint64_t>(byte);
    return sum <= 255 * copy.size() ? 1 : -1;
  };
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(parse(std::string_view(whole).substr(0, size)) == 0);
  REQUIRE(parse(whole) == 1);

  std::mt19937 random(7);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string mutated = whole;
    const int flips = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < flips; ++i)
      mutated[random() % mutated.size()] = static_cast<char>(random());
    const int outcome = parse(mutated);
    REQUIRE(outcome >= 0);
    accepted += outcome;
  }
  CHECK(accepted > 100); // flips inside strings and weights are no errors
  CHECK(accepted < 19'000);
}

TEST_CASE("gguf: mutated files on disk open or say why") {
  const std::string whole = small_file().bytes();
  test::temporary_file stored(whole);
  for (size_t size = 1; size < whole.size(); size += 13) {
    stored.write(std::string_view(whole).substr(0, size));
    const auto file = gguf_file::open(stored.path());
    REQUIRE_FALSE(file);
    CHECK(file.error().message.find(stored.path().string()) == 0);
  }
}

TEST_CASE("gguf: the default model opens, and its damaged header does not crash") {
  const auto file = gguf_file::open(test::default_model());
  REQUIRE(file);
  CHECK(file->get_string("general.architecture") == "llama");
  CHECK(file->get_integer("llama.block_count") == 30);
  CHECK(file->tensors().size() == 272);
  const auto* embedding = file->find_tensor("token_embd.weight");
  REQUIRE(embedding);
  CHECK(embedding->type == tensor_type::q8_0);
  CHECK(embedding->shape == std::vector<uint64_t>{576, 49152});
  CHECK(embedding->data.size() == 576 / 32 * 34 * 49152ull);
  REQUIRE(file->get_strings("tokenizer.ggml.tokens"));
  CHECK(file->get_strings("tokenizer.ggml.tokens")->size() == 49152);

  std::ifstream input(file->path(), std::ios::binary);
  std::string whole(file->file_bytes(), '\0');
  input.read(whole.data(), static_cast<std::streamsize>(whole.size()));
  const auto bytes = std::as_bytes(std::span(whole));
  REQUIRE(parse_gguf(bytes));
  for (size_t size = 0; size < 4096; size += 7)
    CHECK_FALSE(parse_gguf(bytes.first(size)));
  CHECK_FALSE(parse_gguf(bytes.first(bytes.size() - 32))); // the last tensor is cut

  // Flips in the scalars at the front and in the tensor table, which ends where the weights begin.
  const auto header_bytes = static_cast<size_t>(file->tensors()[0].data.data() - file->bytes().data());
  std::mt19937 random(11);
  int refused = 0;
  for (int round = 0; round < 600; ++round) {
    const size_t at = round % 2 ? random() % 2048 : header_bytes - 1 - random() % 16'384;
    const char before = std::exchange(whole[at], static_cast<char>(random()));
    const auto header = parse_gguf(bytes);
    refused += !header;
    if (!header)
      CHECK_FALSE(header.error().message.empty());
    whole[at] = before;
  }
  CHECK(refused > 100);
}
