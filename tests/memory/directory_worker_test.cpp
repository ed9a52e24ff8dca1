#include "memory/directory_worker.hpp"
#include "tests/memory/directory_fixture.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <fcntl.h>
#include <future>
#include <mutex>
#include <unistd.h>

using namespace troupe;

namespace {

constexpr milliseconds soon{10'000};
constexpr size_t page_bytes = directory_under_test::page_bytes;

/// A disk that answers when it is told to.
class gate {
public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, soon, [&] { return open_; });
  }
  bool wait_for_somebody() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, soon, [&] { return waiting_ > 0; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

struct worker_under_test {
  std::shared_ptr<std::atomic<int>> queue_full =
      std::make_shared<std::atomic<int>>(0); // a thread left behind counts too
  std::unique_ptr<directory_worker> worker;

  worker_under_test(const temporary_folder& folder, size_t queue_max, file_calls calls = {}) {
    auto opened = page_directory::open({.path = folder.path(),
                                        .bytes_max = 1 << 30,
                                        .numeric_class = 7,
                                        .clock = &system_clock(),
                                        .calls = std::move(calls),
                                        .count =
                                            [count = queue_full](directory_event event) {
                                              if (event == directory_event::queue_full)
                                                ++*count;
                                            },
                                        .resized = {},
                                        .changed = {}});
    REQUIRE(opened);
    worker = std::make_unique<directory_worker>(directory_worker_options{.directory = std::move(*opened),
                                                                         .page_bytes = page_bytes,
                                                                         .writes_max = queue_max,
                                                                         .reads_max = queue_max});
  }

  bool put(int32_t index) {
    return worker->put(make_identity(index), make_page(static_cast<uint32_t>(index), page_bytes));
  }

  /// The page as it is read, or nothing.
  std::optional<std::vector<std::byte>> get(int32_t index) {
    std::promise<std::optional<std::vector<std::byte>>> read;
    auto answer = read.get_future();
    REQUIRE(worker->get(make_identity(index), [&](auto page) { read.set_value(std::move(page)); }));
    REQUIRE(answer.wait_for(soon) == std::future_status::ready);
    return answer.get();
  }
};

} // namespace

TEST_CASE("a worker writes and reads pages on its own thread") {
  temporary_folder folder;
  {
    worker_under_test pages(folder, 100);
    for (int32_t index = 0; index < 20; ++index)
      CHECK(pages.put(index));
    REQUIRE(pages.worker->flush(soon));
    CHECK(pages.worker->contains(make_identity(19).key));
    CHECK(pages.get(7) == make_page(7, page_bytes));
    CHECK_FALSE(pages.get(20));
  }
  worker_under_test again(folder, 100);
  CHECK(again.get(19) == make_page(19, page_bytes));
  // It lists the folder by itself; a read answered later than that shows it.
  CHECK_FALSE(again.get(30));
  CHECK(again.worker->contains(make_identity(0).key));
}

TEST_CASE("a slow disk holds nobody: pages that find the queue full are dropped") {
  temporary_folder folder;
  gate disk;
  std::atomic<bool> slow{false};
  worker_under_test pages(folder, 4,
                          {.open = {},
                           .write =
                               [&](int file, const void* bytes, size_t size) {
                                 if (slow)
                                   disk.pass();
                                 return ::write(file, bytes, size);
                               },
                           .read = {}});
  slow = true;
  REQUIRE(pages.put(0));
  REQUIRE(disk.wait_for_somebody()); // the thread is busy with page 0
  int kept = 0;
  for (int32_t index = 1; index < 20; ++index)
    kept += pages.put(index) ? 1 : 0;
  CHECK(kept == 4);
  CHECK(*pages.queue_full == 15);
  CHECK_FALSE(pages.worker->flush(milliseconds(1)));
  int answers = 0, refused = 0;
  for (int32_t index = 0; index < 6; ++index)
    refused += pages.worker->get(make_identity(index), [&](auto) { ++answers; }) ? 0 : 1;
  CHECK(refused == 2);
  slow = false;
  disk.open();
  REQUIRE(pages.worker->flush(soon));
  CHECK(answers == 4); // reads go first
  for (int32_t index = 0; index < 5; ++index)
    CHECK(pages.get(index) == make_page(static_cast<uint32_t>(index), page_bytes));
}

TEST_CASE("a worker whose file system hangs is left behind") {
  temporary_folder folder;
  const auto disk = std::make_shared<gate>();
  const auto hangs = std::make_shared<std::atomic<bool>>(false);
  {
    worker_under_test pages(folder, 4,
                            {.open = {}, .write = {}, .read = [=](int file, void* bytes, size_t size) {
                               if (*hangs)
                                 disk->pass();
                               return ::read(file, bytes, size);
                             }});
    REQUIRE(pages.put(0));
    REQUIRE(pages.worker->flush(soon));
    *hangs = true;
    REQUIRE(pages.worker->get(make_identity(0), [](auto) {}));
    REQUIRE(disk->wait_for_somebody());
  }
  disk->open(); // it ends by itself
}
