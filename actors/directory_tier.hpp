#pragma once

#include "memory/directory_worker.hpp"
#include "memory/kv_store.hpp"

#include <atomic>
#include <memory>

namespace troupe {

/// An engine's pages and the directory that they go to and come from. Kept across restarts of the engine's
/// actors. Thread-safe, but for the pages: their owner calls keep(), fill() and save().
class directory_tier {
public:
  directory_tier(std::unique_ptr<directory_worker> worker, std::shared_ptr<kv_store> pages)
      : worker_(std::move(worker)), pages_(std::move(pages)) {}

  bool contains(const page_key& key) const { return worker_->contains(key); }

  /// The page's bytes go to the directory, or are lost where its queue is full.
  void keep(const page_identity& identity, page_id page);

  /// See directory_worker::get().
  bool read(const page_identity& identity, directory_worker::read_done done);

  void fill(page_id page, std::span<const std::byte> bytes);

  /// The node ends as it should: the page manager, when it ends now, saves what it has.
  void close() { closing_ = true; }
  bool closing() const { return closing_; }

  /// Like keep(), but waits for a place in the queue until `end`. Whether there was time.
  bool save(const page_identity& identity, page_id page, steady_time now, steady_time end);

  /// Waits for what was kept and saved.
  bool flush(milliseconds limit) { return worker_->flush(limit); }

private:
  std::unique_ptr<directory_worker> worker_;
  std::shared_ptr<kv_store> pages_;
  std::atomic<bool> closing_{false};
};

} // namespace troupe
