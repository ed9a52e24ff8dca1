#include "runtime/context_plan.hpp"

#include "base/page_size.hpp"
#include "runtime/errors.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

constexpr size_t page_bytes = 1 << 16; // 16 pages a MiB

context_plan plan(attention_window window, int64_t mib, int32_t trained = 8192, bool prefix_cache = false) {
  settings chosen;
  chosen.prefix_cache = prefix_cache;
  chosen.kv_cache_mib = mib;
  chosen.max_batch_size = 4;
  chosen.max_batch_tokens = 128;
  model_shape shape;
  shape.context_length = trained;
  shape.window = window;
  const auto made = plan_context(chosen, shape, page_bytes);
  REQUIRE(made);
  return *made;
}

} // namespace

TEST_CASE("without a window a sequence is as long as the pages hold", "[window]") {
  CHECK(plan({}, 10).tokens == 159 * page_tokens);
  CHECK(plan({}, 10).tokens_ahead == 0);
  CHECK(plan({}, 1000).tokens == 8192);
  CHECK(plan({}, 1000).pages == 4 * 512); // four of full length
}

TEST_CASE("with a window the pages of what it sees are enough for any length", "[window]") {
  const auto narrow = plan({1024, 4}, 10);
  CHECK(narrow.tokens == 8192);
  CHECK(narrow.tokens_ahead == 256);
  CHECK(narrow.pages == 159);
  // 1 page of sinks, 64 of the window, and what is left is ahead.
  const auto tight = plan({1024, 4}, 5);
  CHECK(tight.tokens == 8192);
  CHECK(tight.tokens_ahead == 13 * page_tokens);
  CHECK(1 + 64 + 13 + 1 == tight.pages);
  // Too few for the window: as without one.
  CHECK(plan({1024, 4}, 4).tokens == 63 * page_tokens);
  CHECK(plan({1024, 4}, 4).tokens_ahead == 0);
  // As wide as the context: nothing to save.
  CHECK(plan({8192, 4}, 1000).tokens_ahead == 0);
  CHECK(plan({8192, 4}, 1000).pages == 4 * 512);
  CHECK(plan({1024, 0}, 1000).pages == 4 * (64 + 16 + 1));
  CHECK(plan({1024, 0}, 1000, 8192, true).pages == 4 * 4 * (64 + 16 + 1)); // and for what has ended
}

TEST_CASE("too few pages for a conversation are refused with what to give", "[window]") {
  settings chosen;
  chosen.kv_cache_mib = 1;
  model_shape shape;
  shape.context_length = 8192;
  const auto refused = plan_context(chosen, shape, page_bytes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().is(runtime_error::no_room));
  CHECK(refused.error().message ==
        "kv_cache_mib = 1 holds 240 tokens, too few for a conversation: give at least 2 MiB");
}
