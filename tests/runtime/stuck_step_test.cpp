#include "runtime/actor_tree.hpp"
#include "tests/runtime/test_node.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>

using namespace troupe;

namespace {

/// A model whose forward pass does not come back until it is let go.
class stuck_model final : public language_model {
public:
  explicit stuck_model(std::shared_ptr<const language_model> real) : real_(std::move(real)) {}

  const model_shape& shape() const override { return real_->shape(); }
  size_t page_bytes() const override { return real_->page_bytes(); }
  size_t weight_bytes() const override { return real_->weight_bytes(); }
  uint64_t numeric_class() const override { return real_->numeric_class(); }

  status forward(std::span<const sequence_slice>, std::span<std::byte>, forward_scratch&, thread_pool&,
                 std::span<float>) const override {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return free_; });
    return {};
  }

  bool wait_inside() const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [this] { return inside_ > 0; });
  }

  void let_go() const {
    const std::scoped_lock lock(mutex_);
    free_ = true;
    changed_.notify_all();
  }

private:
  std::shared_ptr<const language_model> real_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int inside_ = 0;
  mutable bool free_ = false;
};

/// For several threads.
class jumping_clock final : public time_source {
public:
  steady_time now() const override { return steady_time(std::chrono::seconds(seconds_.load())); }
  int64_t unix_seconds() const override { return seconds_; }
  void jump(int64_t seconds) { seconds_ += seconds; }

private:
  std::atomic<int64_t> seconds_ = 1'000'000;
};

} // namespace

TEST_CASE("a tree with a step that does not come back is left within its limit, and nothing dangles") {
  auto model = load_model(test_settings(), {});
  REQUIRE(model);
  auto stuck = std::make_shared<const stuck_model>(model->weights);
  model->weights = stuck;
  auto numbers = std::make_shared<metrics>("test");
  std::weak_ptr<metrics> alive = numbers;
  jumping_clock clock;
  {
    runtime_config config(2);
    caf::actor_system system(config);
    auto tree = actor_tree::start(system, test_settings(), *model, *numbers, {}, clock, numbers);
    REQUIRE(tree);
    REQUIRE(stuck->wait_inside()); // the canary
    CHECK_FALSE((*tree)->stop(milliseconds(50)));
    numbers.reset();
    tree->reset();
    CHECK_FALSE(alive.expired()); // the executor counts in it when it comes back
    clock.jump(60);               // its supervisor gives it up
    stuck->let_go();
  }
  CHECK(alive.expired());
}
