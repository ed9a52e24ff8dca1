#include "model/llama.hpp"
#include "tests/model/llama_fixture.hpp"
#include "tests/reference/quantize.hpp"
#include "tests/reference/tiny_model.hpp"

using namespace troupe;

namespace {

std::string refusal(const reference::tiny_weights& weights) {
  const auto model = llama::create(weights.parameters, weights.tensors, {}, {});
  return model ? "loaded" : model.error().what();
}

tensor_view& tensor(reference::tiny_weights& weights, std::string_view name) {
  return *std::find_if(weights.tensors.begin(), weights.tensors.end(),
                       [&](const auto& t) { return t.name == name; });
}

} // namespace

TEST_CASE("loading names the tensor that is missing, misshapen or unknown", "[llama]") {
  const auto whole = reference::make_tiny_weights(1);
  CHECK(refusal(whole) == "loaded");

  auto missing = whole;
  std::erase_if(missing.tensors, [](const auto& t) { return t.name == "blk.1.ffn_down.weight"; });
  CHECK(refusal(missing) == "model.missing_key: tensor blk.1.ffn_down.weight is missing");

  auto misshapen = whole;
  tensor(misshapen, "blk.0.attn_q.weight").shape = {64, 63};
  CHECK(refusal(misshapen) == "model.bad_shape: blk.0.attn_q.weight: expected [64, 64], got [64, 63]");

  auto cut = whole;
  auto& data = tensor(cut, "output_norm.weight").data;
  data = data.first(data.size() - 4);
  CHECK(refusal(cut) == "model.bad_shape: output_norm.weight: source bytes: expected 256, got 252");

  auto unknown = whole;
  unknown.tensors.push_back(unknown.tensors.front());
  unknown.tensors.back().name = "blk.0.attn_q.bias";
  CHECK(refusal(unknown) ==
        "model.unsupported: tensor blk.0.attn_q.bias is none that this release computes with");
}

TEST_CASE("parameters outside their bounds are refused by name", "[llama]") {
  const auto refused = [](auto change) {
    auto weights = reference::make_tiny_weights(1);
    change(weights.parameters);
    return refusal(weights);
  };
  CHECK(refused([](auto& p) { p.shape.layers = 0; }) == "model.bad_shape: layers: expected 1 to 1024, got 0");
  CHECK(refused([](auto& p) { p.shape.kv_heads = 3; }) ==
        "model.bad_shape: heads: expected a multiple of kv_heads 3, got 4");
  CHECK(refused([](auto& p) { p.shape.head_dim = 20; }).find("head_dim") != std::string::npos);
  CHECK(refused([](auto& p) { p.norm_epsilon = 0.0f; }).find("norm_epsilon") != std::string::npos);
  CHECK(refused([](auto& p) { p.rope_base = -1.0; }).find("rope_base") != std::string::npos);
}

TEST_CASE("an output head of its own is used", "[llama]") {
  auto weights = reference::make_tiny_weights(2);
  const auto tied = *llama::create(weights.parameters, weights.tensors, {}, {});
  const std::vector<float> zeros(320 * 64, 0.0f);
  weights.storage.push_back(reference::quantize(tensor_type::q8_0, zeros));
  weights.tensors.push_back({"output.weight", tensor_type::q8_0, {64, 320}, weights.storage.back()});
  const auto untied = *llama::create(weights.parameters, weights.tensors, {}, {});
  CHECK(untied->weight_bytes() > tied->weight_bytes());
  CHECK(untied->numeric_class() != tied->numeric_class());
  CHECK(model_runner(*untied, 1, 1, 16, 16).step({{0, {1, 2, 3}, 0, 1}}) == std::vector<float>(320, 0.0f));
}

TEST_CASE("progress rises to the total, and positions_max bounds the context", "[llama]") {
  const auto weights = reference::make_tiny_weights(3);
  size_t last = 0, total = 0;
  bool rising = true;
  const auto model = *llama::create(weights.parameters, weights.tensors, {.positions_max = 100},
                                    [&](size_t done, size_t all) {
                                      rising = rising && done > last;
                                      last = done;
                                      total = all;
                                    });
  CHECK(rising);
  CHECK(last == total);
  CHECK(total > 0);
  CHECK(model->shape().context_length == 100);
}

TEST_CASE("nothing is packed before every tensor is found and has its shape", "[llama]") {
  auto weights = reference::make_tiny_weights(1);
  tensor(weights, "output_norm.weight").shape = {63};
  int packed = 0;
  CHECK_FALSE(llama::create(weights.parameters, weights.tensors, {}, [&](size_t, size_t) { ++packed; }));
  CHECK(packed == 0);
}

TEST_CASE("the rotary table covers what pages can hold, whatever context a file claims", "[llama]") {
  auto weights = reference::make_tiny_weights(5);
  const auto make = [&](size_t pages) {
    return *llama::create(weights.parameters, weights.tensors,
                          {.kv_bytes_max = pages * 2 * 2 * 2 * 16 * 16 * 2}, {});
  };
  const auto all = make(0);
  weights.parameters.shape.context_length = 1 << 24; // 2 GiB of sines
  const auto few = make(2);
  REQUIRE(few->page_bytes() == 2 * 2 * 2 * 16 * 16 * 2);
  CHECK(few->shape().context_length == 1 << 24);
  CHECK(model_runner(*few, 1, 1, 32, 32).step({{0, {1, 2, 3}, 0, 1}}) ==
        model_runner(*all, 1, 1, 32, 32).step({{0, {1, 2, 3}, 0, 1}}));
  CHECK_THROWS_WITH(model_runner(*few, 1, 1, 64, 64).step({{0, {1}, 32, 0}}),
                    Catch::Contains("positions: expected within 0 to 32"));
  weights.parameters.shape.context_length = 1024;
  CHECK(make(2)->numeric_class() == all->numeric_class()); // a setting changes no bits
}

TEST_CASE("one other bit anywhere in the weights is another numeric class", "[llama]") {
  auto weights = reference::make_tiny_weights(6);
  const auto class_now = [&] {
    return (*llama::create(weights.parameters, weights.tensors, {}, {}))->numeric_class();
  };
  const auto before = class_now();
  CHECK(class_now() == before);
  for (auto& data : weights.storage) {
    auto& byte = data[data.size() / 3];
    byte ^= std::byte{1}; // the lowest bit of a float, a scale or a code: still a sound model
    CHECK(class_now() != before);
    byte ^= std::byte{1};
  }
  CHECK(class_now() == before);
}

TEST_CASE("forward refuses a step that does not fit", "[llama]") {
  const auto model = reference::make_tiny_model(4);
  aligned_buffer pages(4 * model->page_bytes());
  forward_scratch scratch(model->shape(), 8);
  thread_pool threads(1);
  const std::vector<token_id> tokens{1, 2, 3};
  const std::vector<page_id> table{0, 1, 2, 3};
  const auto refused = [&](sequence_slice slice, size_t rows = 0) {
    std::vector<float> logits(rows * 320);
    const auto done = model->forward({&slice, 1}, {pages.data(), pages.size()}, scratch, threads, logits);
    if (!done)
      CHECK(done.error().is(model_error::bad_step));
    return done ? "accepted" : done.error().message;
  };
  const std::vector<token_id> many(9, 1), negative{-1}, large{320};
  const std::vector<page_id> foreign{4}, below{-1};
  CHECK(refused({tokens, 0, table, 0}) == "accepted");
  CHECK(refused({tokens, 0, table, 3}, 3) == "accepted");
  CHECK(refused({{}, 0, table, 0}) == "tokens of a slice: expected 1 to 8, got 0");
  CHECK(refused({many, 0, table, 0}) == "tokens of a slice: expected 1 to 8, got 9");
  CHECK(refused({tokens, -1, table, 0}) == "positions: expected within 0 to 1024, got -1 to 2");
  CHECK(refused({tokens, 1022, table, 0}) == "positions: expected within 0 to 1024, got 1022 to 1025");
  CHECK(refused({negative, 0, table, 0}) == "token: expected 0 to 319, got -1");
  CHECK(refused({large, 0, table, 0}) == "token: expected 0 to 319, got 320");
  CHECK(refused({tokens, 0, foreign, 0}) == "page: expected 0 to 3, got 4");
  CHECK(refused({tokens, 0, below, 0}) == "page: expected 0 to 3, got -1");
  CHECK(refused({tokens, 62, table, 0}) == "block_table: expected at least 5 pages for 65 positions, got 4");
  CHECK(refused({tokens, 0, table, 4}, 4) == "logit_rows: expected 0 to 3, got 4");
  CHECK(refused({tokens, 0, table, 1}, 2) == "logits: expected 320 elements for 1 rows, got 640");
  std::vector<float> none;
  CHECK(model->forward({}, {pages.data(), pages.size()}, scratch, threads, none));
}

TEST_CASE("the default model's shape is what its card says", "[llama]") {
  const auto file = open_test_model();
  const auto model = load_language_model(file, {});
  REQUIRE(model);
  const auto& shape = (*model)->shape();
  CHECK(shape.layers == 30);
  CHECK(shape.hidden == 576);
  CHECK(shape.heads == 9);
  CHECK(shape.kv_heads == 3);
  CHECK(shape.head_dim == 64);
  CHECK(shape.feed_forward == 1536);
  CHECK(shape.vocabulary == 49152);
  CHECK(shape.context_length == 8192);
  CHECK((*model)->page_bytes() == 30 * 2 * 3 * 64 * 16 * 2);
}
