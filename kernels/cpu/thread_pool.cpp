#include "kernels/cpu/thread_pool.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <chrono>
#include <immintrin.h>

namespace troupe {

namespace {

constexpr int index_bits = 18;
constexpr uint32_t batch_max = (uint32_t{1} << index_bits) - 1;
constexpr std::chrono::microseconds spin_max{20};
constexpr int polls_between_clocks = 32;

uint64_t pack(uint32_t generation, uint32_t count) {
  return uint64_t{generation} << (2 * index_bits) | uint64_t{count} << index_bits;
}
uint32_t count_of(uint64_t state) {
  return static_cast<uint32_t>(state >> index_bits) & batch_max;
}
uint32_t next_of(uint64_t state) {
  return static_cast<uint32_t>(state) & batch_max;
}

/// True as soon as ready() is; false when spin_max has passed.
template <class Ready>
bool spin_until(const Ready& ready) {
  const auto give_up = std::chrono::steady_clock::now() + spin_max;
  do {
    for (int poll = 0; poll < polls_between_clocks; ++poll) {
      if (ready())
        return true;
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() < give_up);
  return ready();
}

} // namespace

thread_pool::thread_pool(int threads) {
  const int wanted = std::clamp(threads, 1, threads_max);
  workers_.reserve(static_cast<size_t>(wanted - 1));
  for (int i = 1; i < wanted; ++i)
    workers_.emplace_back([this] { work(); });
}

thread_pool::~thread_pool() {
  stopping_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  for (auto& worker : workers_)
    worker.join();
}

void thread_pool::run_erased(size_t count, const void* context, call task) {
  TROUPE_CHECK(!busy_.exchange(true), "thread_pool::run is already running");
  context_ = context;
  call_ = task;
  exception_ = nullptr;
  failed_.clear();
  if (workers_.empty() || count == 1) {
    first_ = 0;
    for (size_t i = 0; i < count; ++i)
      perform(i);
  } else {
    for (first_ = 0; first_ < count; first_ += batch_max)
      run_batch(static_cast<uint32_t>(std::min<size_t>(count - first_, batch_max)));
  }
  auto thrown = std::move(exception_);
  exception_ = nullptr;
  busy_.store(false);
  if (thrown)
    std::rethrow_exception(thrown);
}

void thread_pool::run_batch(uint32_t count) {
  done_.store(0, std::memory_order_relaxed);
  const auto generation = generation_.load(std::memory_order_relaxed) + 1;
  state_.store(pack(generation, count), std::memory_order_release);
  generation_.store(generation);
  generation_.notify_all();
  while (take_one()) {
  }
  wait_until_done(count);
}

/// Takes and performs one task of the batch that is current; false when none is left.
bool thread_pool::take_one() {
  auto state = state_.load(std::memory_order_acquire);
  do {
    if (next_of(state) >= count_of(state))
      return false;
  } while (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel));
  const auto count = count_of(state);
  perform(first_ + next_of(state));
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == count)
    done_.notify_one();
  return true;
}

void thread_pool::perform(size_t index) noexcept {
  try {
    call_(context_, index);
  } catch (...) {
    if (!failed_.test_and_set())
      exception_ = std::current_exception();
  }
}

void thread_pool::wait_until_done(uint32_t count) {
  const auto all_done = [&] { return done_.load(std::memory_order_acquire) == count; };
  if (spin_until(all_done))
    return;
  for (auto seen = done_.load(std::memory_order_acquire); seen != count;
       seen = done_.load(std::memory_order_acquire))
    done_.wait(seen);
}

void thread_pool::work() {
  uint32_t seen = 0;
  while (!stopping_.load(std::memory_order_acquire)) {
    while (take_one()) {
    }
    if (!spin_until([&] { return generation_.load(std::memory_order_acquire) != seen; }))
      generation_.wait(seen);
    seen = generation_.load(std::memory_order_acquire);
  }
}

} // namespace troupe
