#include "tests/device/device_model.hpp"
#include "tests/model/company.hpp"
#include "tests/reference/tiny_model.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using Catch::Contains;

TEST_CASE("card: a shape that the kernels have not is refused by name") {
  const auto weights = reference::make_tiny_weights(7); // heads of 16
  const auto device = cuda::cuda_device::open(0);
  REQUIRE(device);
  const auto model = cuda_llama::create(*device, weights.parameters, weights.tensors, card_options(), {});
  REQUIRE_FALSE(model);
  CHECK(model.error().is(model_error::unsupported));
  CHECK_THAT(model.error().message, Contains("head_dim") && Contains("got 16"));
}

TEST_CASE("card: what does not fit is refused by how much, and the card works on") {
  const auto weights = reference::make_tiny_weights(7, 64);
  const auto model = make_on_card(weights.parameters, weights.tensors);
  const auto pages = model->make_pages(INT32_MAX);
  REQUIRE_FALSE(pages);
  CHECK(pages.error().is(kernel_error::device_out_of_memory));
  CHECK_THAT(pages.error().message,
             Contains("MiB too few") && Contains("KV pages") && Contains("kv_cache_mib"));
  auto greedy = card_options();
  greedy.step_tokens_max = 1 << 28;
  const auto device = cuda::cuda_device::open(0);
  const auto large = cuda_llama::create(*device, weights.parameters, weights.tensors, greedy, {});
  REQUIRE_FALSE(large);
  CHECK_THAT(large.error().message, Contains("MiB too few") && Contains("activations"));
  const auto tokens = random_tokens(30, 320, 1);
  CHECK(model_runner(*model, 1, 1, 320, 512).all_logits(0, tokens, {30}).size() == 30 * 320);
}

TEST_CASE("card: a card that is not there, and a class of its own") {
  const auto none = cuda::cuda_device::open(99);
  REQUIRE_FALSE(none);
  CHECK(none.error().is(kernel_error::device_missing));
  CHECK_THAT(none.error().message, Contains("cuda:99"));
  const auto file = open_test_model();
  const auto model = load_on_card(file);
  const auto on_cpu = load_language_model(file, {.isa = detect_instruction_set(), .positions_max = 2048});
  REQUIRE(on_cpu);
  CHECK(model->numeric_class() != (*on_cpu)->numeric_class());
  CHECK(model->device() == "cuda:0");
  CHECK(model->page_bytes() == (*on_cpu)->page_bytes());
  CHECK(model->weight_bytes() < (*on_cpu)->weight_bytes() * 4 / 3); // packed; 576 columns fill 3/4 of 3 cells
}

TEST_CASE("card: a step out of its bounds is refused before it is sent") {
  const auto weights = reference::make_tiny_weights(7, 64);
  const auto model = make_on_card(weights.parameters, weights.tensors);
  model_runner runner(*model, 1, 1, 320, 512);
  CHECK_THROWS_WITH(runner.step({{0, {320}, 0, 1}}), Contains("token"));
  CHECK_THROWS_WITH(runner.step({{0, {1}, 400, 1}}), Contains("block_table"));
  CHECK(runner.step({{0, {1}, 0, 1}}).size() == 320);
}
