#include "supervision/crash_chain.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("of the crashes that find one among 32, the first counts") {
  crash_chain chain;
  std::vector<sequence_id> step(32);
  for (size_t i = 0; i < step.size(); ++i)
    step[i] = 100 + i;
  CHECK(chain.counts(step));
  for (size_t size : {16u, 8u, 4u, 2u, 1u, 1u}) {
    step.resize(size);
    CHECK_FALSE(chain.counts(step));
  }
  CHECK(chain.counts(step)); // it should have been quarantined by now
}

TEST_CASE("an odd number is halved too") {
  crash_chain chain;
  CHECK(chain.counts({1, 2, 3, 4, 5}));
  CHECK_FALSE(chain.counts({1, 2, 3}));
  CHECK_FALSE(chain.counts({1, 2}));
  CHECK_FALSE(chain.counts({2}));
  CHECK_FALSE(chain.counts({2}));
}

TEST_CASE("crashes that narrow nothing count, one and all") {
  crash_chain chain;
  CHECK(chain.counts({}));
  CHECK(chain.counts({}));
  CHECK(chain.counts({1, 2, 3, 4}));
  CHECK(chain.counts({1, 2, 3})); // more than half
  CHECK(chain.counts({4}));       // somebody else
  CHECK(chain.counts({5}));
  CHECK_FALSE(chain.counts({5}));
  CHECK(chain.counts({}));
  CHECK(chain.counts({5}));
  CHECK(chain.counts({0})); // the canary
  CHECK(chain.counts({0}));
  CHECK(chain.counts({0}));
}
