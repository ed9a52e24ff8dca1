// Damaged model files through everything that a node does with one: each loads, or says why in a sentence.
#include "tests/model/gguf_mutator.hpp"
#include "tests/model/tiny_gguf.hpp"
#include "tests/model/whole_load.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <memory>

using namespace troupe::test;

namespace {

/// What became of many files.
class tally {
public:
  /// The file lies in an allocation of exactly its size: a sanitizer sees a read past its end.
  void load(const std::string& file) {
    const auto copy = std::make_unique<std::byte[]>(file.size());
    std::memcpy(copy.get(), file.data(), file.size());
    load_outcome got;
    try {
      got = load_whole({copy.get(), file.size()});
    } catch (const std::exception& thrown) { // failures are values
      got = {false, "exception", thrown.what()};
      keep("threw", got, file);
    }
    ++files;
    ++stages[got.loaded ? "loaded" : got.stage];
    if (!got.loaded)
      if (const auto fault = fault_of_sentence(got.sentence); !fault.empty())
        keep(fault, got, file);
  }
  void load(const tiny_gguf& whole, const std::string& header) { load(joined({header, whole.weights})); }

  /// All that went wrong, in one check: thousands would take longer than the loading.
  void check(int files_min) const {
    for (const auto& [stage, count] : stages)
      UNSCOPED_INFO(stage << ": " << count);
    CHECK(wrong == "");
    CHECK(files >= files_min);
  }

  int files = 0;
  std::map<std::string, int> stages;

private:
  void keep(const std::string& fault, const load_outcome& got, const std::string& file) {
    if (wrong.size() < 4000)
      wrong += got.stage + ": " + fault + ": " + got.sentence + " (file " + std::to_string(files) + ", " +
               std::to_string(file.size()) + " bytes)\n";
  }

  std::string wrong;
};

} // namespace

TEST_CASE("damaged models: the tiny one is whole", "[damaged]") {
  const auto whole = make_tiny_gguf();
  const auto file = joined(whole);
  const auto got = load_whole(std::as_bytes(std::span(file)));
  INFO(got.stage << ": " << got.sentence);
  REQUIRE(got.loaded);
  const auto layout = gguf_layout_of(whole.header);
  CHECK(layout.keys.size() == 33);
  CHECK(layout.tensors.size() == 12);
  CHECK(layout.fields.back().begin + layout.fields.back().bytes == whole.header.size());
}

TEST_CASE("damaged models: every number in the header set to what breaks things", "[damaged]") {
  const auto whole = make_tiny_gguf();
  tally seen;
  for (const auto& field : gguf_layout_of(whole.header).fields)
    if (field.part != gguf_part::text)
      for (const auto number : breaking_numbers())
        if (field.bytes > 1 || number < 256)
          seen.load(whole, with_number(whole.header, field, number));
  seen.check(4000);
  CHECK(seen.stages["file"] > 1000);
  CHECK(seen.stages["tokenizer"] > 100);
  CHECK(seen.stages["weights"] > 100);
  CHECK(seen.stages["loaded"] > 100);
}

TEST_CASE("damaged models: cut at every border of the header, and inside the weights", "[damaged]") {
  const auto whole = make_tiny_gguf();
  const auto file = joined(whole);
  tally seen;
  for (const auto& field : gguf_layout_of(whole.header).fields) {
    seen.load(file.substr(0, field.begin));
    seen.load(file.substr(0, field.begin + field.bytes / 2));
  }
  const size_t weights = file.size() - whole.weights.size();
  for (size_t size = whole.header.size(); size < file.size(); size += size < weights ? 1 : 501)
    seen.load(file.substr(0, size));
  seen.load(file.substr(0, file.size() - 32)); // the last tensor ends less than 32 bytes before the end
  seen.check(500);
  CHECK(seen.stages["file"] == seen.files);
}

TEST_CASE("damaged models: every two tensors on one another", "[damaged]") {
  const auto whole = make_tiny_gguf();
  std::vector<gguf_field> offsets;
  for (const auto& field : gguf_layout_of(whole.header).fields)
    if (field.part == gguf_part::offset)
      offsets.push_back(field);
  tally seen;
  for (size_t i = 0; i < offsets.size(); ++i)
    for (size_t k = 0; k < i; ++k) {
      uint64_t at = 0;
      std::memcpy(&at, whole.header.data() + offsets[k].begin, sizeof at);
      seen.load(whole, with_number(whole.header, offsets[i], at));
      seen.load(whole, with_number(whole.header, offsets[i], at + 32));
    }
  seen.check(100);
  CHECK(seen.stages["loaded"] == 0);
}

TEST_CASE("damaged models: random changes of numbers, texts and entries, up to three in a file",
          "[damaged]") {
  const auto whole = make_tiny_gguf();
  std::mt19937 random(20'261'125);
  tally seen;
  for (int i = 0; i < 4000; ++i) {
    auto header = whole.header;
    for (int changes = 1 + i % 3; changes > 0; --changes)
      header = mutated(header, random);
    seen.load(whole, header);
  }
  seen.check(4000);
  for (const char* stage : {"file", "tokenizer", "weights", "loaded"})
    CHECK(seen.stages[stage] > 100);
  CHECK(seen.stages["template"] > 3); // most texts are templates
}

TEST_CASE("damaged models: weights of any bits load, and a step answers or says why", "[damaged]") {
  auto whole = make_tiny_gguf();
  std::mt19937 random(3);
  tally seen;
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 200; ++k)
      whole.weights[random() % whole.weights.size()] = static_cast<char>(i % 2 ? 0xff : random());
    seen.load(whole, whole.header);
  }
  seen.check(100);
  CHECK(seen.stages["loaded"] == 100);
}
