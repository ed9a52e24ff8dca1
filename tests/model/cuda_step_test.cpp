#include "model/compute_device.hpp"
#include "model/cuda/cuda_step.hpp"
#include "model/errors.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace troupe;

namespace {

std::vector<int32_t> copied(const int32_t* from, size_t count) {
  return {from, from + count};
}

} // namespace

TEST_CASE("a card's step lists tokens, slices, tables and the rows that want logits") {
  const std::vector<token_id> first{5}, second{7, 8, 9};
  const std::vector<page_id> pages{4, 3, 2}, others{11, 12, 13};
  const std::vector<sequence_slice> slices{{first, 33, pages, 1}, {second, 15, others, 2}};
  const cuda_step step(slices, 4);
  CHECK(step.tokens() == 4);
  CHECK(step.longest() == 3);
  CHECK(step.sequences() == 2);
  CHECK(step.logit_rows() == 3);
  CHECK(step.words().size() <= cuda_step::words_max(4, 2, 4));
  std::vector<int32_t> copy(step.words().begin(), step.words().end());
  auto* base = copy.data();
  CHECK(copied(step.token(base), 4) == std::vector<int32_t>{5, 7, 8, 9});
  CHECK(copied(step.positions(base), 4) == std::vector<int32_t>{33, 15, 16, 17});
  CHECK(copied(step.table_rows(base), 4) == std::vector<int32_t>{0, 1, 1, 1});
  const auto* parts = step.slices(base);
  CHECK((parts[0].first_row == 0 && parts[0].tokens == 1 && parts[0].position == 33 &&
         parts[0].table_row == 0));
  CHECK((parts[1].first_row == 1 && parts[1].tokens == 3 && parts[1].position == 15 &&
         parts[1].table_row == 1));
  CHECK(copied(step.block_tables(base), 8) == std::vector<int32_t>{4, 3, 2, 0, 11, 12, 0, 0});
  CHECK(copied(step.logit_rows(base), 3) == std::vector<int32_t>{0, 2, 3});
  CHECK(step.logit_rows(base) + 3 == base + copy.size());
  CHECK(std::ranges::all_of(step.wants(), [](auto* each) { return each == nullptr; }));
  token_id chosen = 0;
  const std::vector<sequence_slice> greedy{{first, 33, pages, 1}, {second, 15, others, 0, &chosen}};
  const cuda_step other(greedy, 4);
  CHECK(other.logit_rows() == 2);
  CHECK(copied(other.logit_rows(other.words().data()), 2) == std::vector<int32_t>{0, 3});
  CHECK(other.wants()[0] == nullptr);
  CHECK(other.wants()[1] == &chosen);
}

TEST_CASE("a card's step of the same shape keeps its places, whoever wants logits") {
  const std::vector<token_id> token{5};
  const std::vector<page_id> pages{4, 3};
  const std::vector<sequence_slice> all{{token, 3, pages, 1}, {token, 20, pages, 1}};
  const std::vector<sequence_slice> some{{token, 7, pages, 0}, {token, 9, pages, 1}};
  const cuda_step a(all, 8), b(some, 8);
  const std::vector<int32_t> base(a.words().size());
  CHECK(a.positions(base.data()) == b.positions(base.data()));
  CHECK(a.block_tables(base.data()) == b.block_tables(base.data()));
}

TEST_CASE("a card's step knows the slices of one token that stand first") {
  const std::vector<token_id> one{5}, three{7, 8, 9};
  const std::vector<page_id> pages{4, 3, 2};
  const sequence_slice decodes{one, 33, pages, 1}, prompt{three, 15, pages, 0};
  const auto counted = [](const std::vector<sequence_slice>& slices) {
    return cuda_step(slices, 4).decoding();
  };
  CHECK(counted({decodes}) == 1);
  CHECK(counted({prompt}) == 0);
  CHECK(counted({decodes, decodes, decodes}) == 3);
  CHECK(counted({decodes, decodes, prompt, decodes}) == 2);
  CHECK(counted({prompt, decodes}) == 0);
}

TEST_CASE("a device is named as the setting names it") {
  using kind = compute_device::kind;
  CHECK(parse_compute_device("cpu").value() == compute_device{kind::cpu, 0});
  CHECK(parse_compute_device("auto").value() == compute_device{kind::automatic, 0});
  CHECK(parse_compute_device("cuda:0").value() == compute_device{kind::cuda, 0});
  CHECK(parse_compute_device("cuda:17").value() == compute_device{kind::cuda, 17});
  for (const char* wrong :
       {"", "cuda", "cuda:", "cuda:-1", "cuda:1x", "cuda:1000", "gpu", "CPU", "cuda:99999999999"}) {
    INFO(wrong);
    REQUIRE_FALSE(parse_compute_device(wrong));
    CHECK(parse_compute_device(wrong).error().is(model_error::unsupported));
  }
}
