#include "actors/page_book.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <fmt/format.h>
#include <random>

using namespace troupe;

namespace {

constexpr int32_t max_model_len = 8192;

struct request {
  sequence_id id = 0;
  int32_t known = 0; // prompt and answer so far
  int32_t end = 0;   // prompt and answer at last
};

/// Shares of reserved slots (a slot: one token's keys and values) that hold no token, over the whole run.
struct waste {
  double paged = 0;
  double contiguous_end = 0; // as if each answer's length were known when its request comes
  double contiguous_max = 0; // max_model_len for each
};

/// 32 sequences all the time, each with a token a step; prompts log-uniform up to `prompt_max`, answers 1 to
/// 512.
waste measure(int32_t prompt_max, int steps) {
  std::mt19937 random(11);
  page_book book(32 * pages_of(max_model_len));
  std::vector<request> running(32);
  sequence_id next = 1;
  double tokens = 0, paged = 0, contiguous_end = 0, contiguous_max = 0;
  for (int step = 0; step < steps; ++step) {
    page_request asked;
    for (auto& one : running) {
      if (one.known == one.end) {
        if (one.id != 0)
          asked.released.push_back(one.id);
        const auto length =
            std::exp(std::uniform_real_distribution(std::log(16), std::log(prompt_max))(random));
        one = {next++, static_cast<int32_t>(length), 0};
        one.end = one.known + 1 + static_cast<int32_t>(random() % 512);
      } else {
        ++one.known;
      }
      page_need need;
      need.id = one.id;
      need.tokens = one.known;
      asked.needs.push_back(need);
      tokens += one.known;
      contiguous_end += one.end;
      contiguous_max += max_model_len;
    }
    for (const auto& grant : book.answer(asked).grants)
      REQUIRE(grant.granted);
    paged += static_cast<double>(book.used_pages()) * page_tokens;
  }
  book.check_conservation();
  return {1 - tokens / paged, 1 - tokens / contiguous_end, 1 - tokens / contiguous_max};
}

} // namespace

TEST_CASE("less than 4% of the reserved memory is without a token, at mixed lengths") {
  for (int32_t prompt_max : {512, 2048, 7000}) {
    const auto share = measure(prompt_max, 4000);
    WARN(fmt::format(
        "prompts 16 to {} tokens, answers 1 to 512: pages waste {:.1f}%, contiguous memory of the "
        "final length {:.1f}%, of max_model_len = {} {:.1f}%",
        prompt_max, 100 * share.paged, 100 * share.contiguous_end, max_model_len,
        100 * share.contiguous_max));
    CHECK(share.paged < 0.04);
    CHECK(share.contiguous_end > share.paged);
  }
}
