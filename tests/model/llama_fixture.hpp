#pragma once

#include "kernels/cuda/open_library.hpp"
#include "model/gguf_file.hpp"
#include "model/language_model.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

namespace troupe {

/// The default model's file; without it the tests that need it fail.
inline gguf_file open_test_model() {
  const char* path = std::getenv("TROUPE_TEST_MODEL");
  auto file = gguf_file::open(path != nullptr ? path : "models/SmolLM2-135M-Instruct.Q4_1.gguf");
  if (!file)
    throw std::runtime_error("no model to test with: run deploy/fetch_model.sh, or set TROUPE_TEST_MODEL (" +
                             file.error().what() + ")");
  return std::move(*file);
}

/// The first `count` tokens of tests/reference/data/english.txt.
inline std::vector<token_id> english_tokens(size_t count) {
  std::ifstream file("tests/reference/data/english.tokens");
  std::vector<token_id> out;
  for (token_id token; out.size() < count && file >> token;)
    out.push_back(token);
  if (out.size() != count)
    throw std::runtime_error(
        "tests/reference/data/english.tokens is short; tests run from the repository's root");
  return out;
}

/// Everything that running a model takes, with room for `sequences` of `positions` each.
class model_runner {
public:
  model_runner(const language_model& model, int threads, int32_t sequences, int32_t positions,
               int32_t step_tokens)
      : model_(model), threads_(threads), scratch_(model.shape(), step_tokens),
        pages_each_((positions + page_tokens - 1) / page_tokens),
        pages_(model.make_pages(sequences * pages_each_).value()), tables_(static_cast<size_t>(sequences)) {
    // A sequence's pages lie apart and backwards, and begin as NaN, so that nothing works by luck.
    for (int32_t s = 0; s < sequences; ++s)
      for (int32_t i = pages_each_ - 1; i >= 0; --i)
        tables_[static_cast<size_t>(s)].push_back(i * sequences + s);
    if (pages_->on_host())
      std::ranges::fill(pages_->bytes(), std::byte{0xff});
    else
      fill_on_device();
  }

  struct part {
    int32_t sequence;
    std::vector<token_id> tokens;
    int32_t position;
    int32_t logit_rows;
    token_id* greedy = nullptr; // set: this instead of logits
  };

  /// Logits of one step, rows as the parts ask for them.
  std::vector<float> step(const std::vector<part>& parts) {
    std::vector<sequence_slice> slices;
    size_t rows = 0;
    for (const auto& each : parts) {
      const auto wanted = each.greedy != nullptr ? 0 : each.logit_rows;
      slices.push_back(
          {each.tokens, each.position, tables_[static_cast<size_t>(each.sequence)], wanted, each.greedy});
      rows += static_cast<size_t>(wanted);
    }
    std::vector<float> logits(rows * static_cast<size_t>(model_.shape().vocabulary), 12345.0f);
    const auto done = model_.forward(slices, pages_->bytes(), scratch_, threads_, logits);
    if (!done)
      throw std::runtime_error(done.error().what());
    return logits;
  }

  /// Logits of all tokens of one sequence, computed in steps of these lengths, the last one repeated.
  std::vector<float> all_logits(int32_t sequence, const std::vector<token_id>& tokens,
                                const std::vector<int32_t>& steps) {
    std::vector<float> out;
    size_t index = 0;
    for (size_t at = 0; at < tokens.size();) {
      const auto count =
          std::min(static_cast<size_t>(steps[std::min(index++, steps.size() - 1)]), tokens.size() - at);
      const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(at);
      const auto logits = step({{sequence,
                                 {first, first + static_cast<std::ptrdiff_t>(count)},
                                 static_cast<int32_t>(at),
                                 static_cast<int32_t>(count)}});
      out.insert(out.end(), logits.begin(), logits.end());
      at += count;
    }
    return out;
  }

private:
  void fill_on_device() {
    const auto& calls = (*cuda::open_library())->device;
    if (calls.fill(pages_->bytes().data(), 0xff, pages_->bytes().size(), nullptr) !=
            cuda::launch_status::ok ||
        calls.wait(nullptr) != cuda::launch_status::ok)
      throw std::runtime_error("pages on the device cannot be filled");
  }

  const language_model& model_;
  thread_pool threads_;
  forward_scratch scratch_;
  int32_t pages_each_;
  std::shared_ptr<kv_store> pages_; // [sequences * pages_each_]
  std::vector<std::vector<page_id>> tables_;
};

inline bool same_floats(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

} // namespace troupe
