#pragma once

#include "base/clock.hpp"
#include "memory/page_directory.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace troupe {

struct directory_worker_options {
  std::shared_ptr<page_directory> directory;
  size_t page_bytes = 0;
  size_t writes_max = 64; // pages that wait to be written; each holds a copy
  size_t reads_max = 256; // pages that wait to be read
};

/// A thread of its own for a page directory, so that no step waits for a disk. Reads go before writes; what
/// finds its queue full is refused at once. Thread-safe.
class directory_worker {
public:
  /// The page, or nothing: then it must be computed. Called on the worker's thread.
  using read_done = std::function<void(std::optional<std::vector<std::byte>> page)>;

  explicit directory_worker(directory_worker_options options);

  /// Forgets what waits. A thread that a hung file system holds is left behind after a moment.
  ~directory_worker();
  directory_worker(const directory_worker&) = delete;
  directory_worker& operator=(const directory_worker&) = delete;

  /// Copies the page and writes it some time. False: the queue was full, for so long at least, and the page
  /// is not kept.
  bool put(const page_identity& identity, std::span<const std::byte> page, milliseconds patience = {});

  /// False: too much waits already; `done` is not called.
  bool get(const page_identity& identity, read_done done);

  /// Whether get() may find the page. Does not touch the file system.
  bool contains(const page_key& key) const;

  /// Waits until all that was put so far is written, at most `limit`. Returns whether it is.
  bool flush(milliseconds limit);

private:
  class state;

  std::shared_ptr<state> state_;
  std::thread thread_;
};

} // namespace troupe
