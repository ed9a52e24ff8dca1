#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

namespace troupe {

/// Threads that share the tasks of one operation. Tasks are taken one by one, so a thread whose core is busy
/// with something else takes fewer. Threads without work spin for about 20 µs, then sleep.
class thread_pool {
public:
  static constexpr int threads_max = 256;

  /// threads: the caller of run() counts as one, so threads - 1 are started; below 1 counts as 1.
  explicit thread_pool(int threads);
  ~thread_pool();
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(0) ... task(count - 1), in no order, the caller's thread among others; returns when all are
  /// done. The first exception of a task is thrown again here, after the others have ended. One run at a
  /// time: a second one, from a task or from another thread, throws broken_invariant.
  template <class Task>
  void run(size_t count, const Task& task) {
    run_erased(count, &task,
               [](const void* context, size_t index) { (*static_cast<const Task*>(context))(index); });
  }

private:
  using call = void (*)(const void* context, size_t index);

  void run_erased(size_t count, const void* context, call task);
  void run_batch(uint32_t count);
  bool take_one();
  void work();
  void wait_until_done(uint32_t count);
  void perform(size_t index) noexcept;

  // One batch at a time. state_ is [generation 28 | count 18 | next 18]; who raises `next` owns that task,
  // and until it counts in done_ the batch cannot end, so context_ and call_ stand still.
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<uint32_t> generation_{0}; // what sleeping workers watch
  alignas(64) std::atomic<uint32_t> done_{0};       // what the caller watches
  alignas(64) std::atomic<bool> busy_{false};
  std::atomic<bool> stopping_{false};
  std::atomic_flag failed_ = ATOMIC_FLAG_INIT;
  std::exception_ptr exception_;
  const void* context_ = nullptr;
  call call_ = nullptr;
  size_t first_ = 0; // index of the batch's task 0
  std::vector<std::thread> workers_;
};

} // namespace troupe
