// Model files: header, tokenizer, template, weights and one step. The input is a header; good weights follow
// it, so that what is tried is never lost on them.
#include "tests/fuzz/expect.hpp"
#include "tests/model/gguf_mutator.hpp"
#include "tests/model/tiny_gguf.hpp"
#include "tests/model/whole_load.hpp"

#include <cstring>
#include <memory>

using namespace troupe::test;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

/// Half of the time a change that knows the format: lengths keep fitting, counts follow their entries.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  std::mt19937 random(seed);
  if (random() % 2)
    return LLVMFuzzerMutate(data, size, max_size);
  const auto changed = mutated(std::string(text_of(data, size)), random);
  const size_t bytes = std::min(changed.size(), max_size);
  std::memcpy(data, changed.data(), bytes);
  return bytes;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string weights = make_tiny_gguf().weights;
  const size_t begin = (size + 31) / 32 * 32;
  const size_t bytes = begin + (size % 7 == 0 ? weights.size() / 2 : weights.size());
  // Exactly as large as the file: a read past its end is seen.
  const auto file = std::make_unique<std::byte[]>(bytes);
  std::memcpy(file.get(), data, size);
  std::memcpy(file.get() + begin, weights.data(), bytes - begin);
  const auto got = load_whole({file.get(), bytes});
  if (!got.loaded)
    expect(fault_of_sentence(got.sentence).empty(), "a refusal is a sentence", got.sentence);
  return 0;
}
