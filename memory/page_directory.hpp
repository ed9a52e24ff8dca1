#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "memory/directory_index.hpp"
#include "memory/page_file.hpp"
#include "memory/page_folder.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe {

/// What became of a page: each is counted.
enum class directory_event : uint8_t {
  written,
  hit,      // read and found good
  absent,   // somebody removed the file
  evicted,  // made room for others
  checksum, // dropped: CRC-32C differs
  size,     // dropped: too short or too long
  format,   // dropped: no page file, or of another version
  identity, // dropped: a sound file of another page
  foreign,  // a file that is none of ours; left alone unless it bears a page's name
  write_error,
  read_error,
  queue_full,   // not written: the disk is slower than the cache turns over
  switched_off, // not written or not read: after errors the directory rests
};

std::string_view to_string(directory_event event);

struct page_directory_options {
  std::string path;
  uint64_t bytes_max = 0;     // of all files in the folder
  uint64_t numeric_class = 0; // of the pages; other classes may share the folder
  const time_source* clock = nullptr;
  file_calls calls;
  std::function<void(directory_event)> count;                        // thread-safe; may be empty
  std::function<void(uint64_t bytes)> resized;                       // of all files
  std::function<void(bool on, const std::string& sentence)> changed; // switched off, or on again
};

/// KV pages in a folder: on any mounted path, kept over restarts, shared with other processes. A page is
/// believed only where length, CRC-32C and whole identity are right. Bounded in bytes; the least recently
/// used go first. An error of the file system switches it off for a while and loses nothing but time.
/// put(), get() and scan() block on the file system; everything else does not. Thread-safe, but scan() has
/// one caller.
class page_directory {
public:
  /// Errors: bad_directory. A folder without room is no error: nothing is written until there is some.
  static result<std::unique_ptr<page_directory>> open(page_directory_options options);

  /// Whether the page is kept now: written, or known to be there.
  bool put(const page_identity& identity, std::span<const std::byte> page);

  /// Fills `page`, which has the length that the page must have. False: compute it; what `page` holds then
  /// means nothing.
  bool get(const page_identity& identity, std::span<std::byte> page);

  /// Whether get() may succeed.
  bool contains(const page_key& key) const;

  /// Looks at up to `names` more files of the folder, and makes room if they are too many. Returns false once
  /// there is nothing to do: the folder was listed, and not too long ago.
  bool scan(int names);

  /// Counts a page that came too fast to be written.
  void note_full_queue() const { count(directory_event::queue_full); }

  size_t files() const;
  uint64_t bytes() const;

private:
  /// Off after errors, until a time.
  struct io_switch {
    page_folder::use use;
    steady_time off_until{};
    int failures = 0; // in a row
    bool off = false;
  };

  explicit page_directory(page_directory_options options) : options_(std::move(options)) {}

  status reopen(page_folder::use wanted);
  std::shared_ptr<page_folder> ready(io_switch& which);
  void failed(io_switch& which, int failures_max, const std::string& sentence);
  void worked(io_switch& which);
  void count(directory_event event) const;
  void resized() const;
  int64_t use_now();
  void make_room(page_folder& folder, uint64_t bytes);
  void note(page_folder& folder, const folder_entry& entry, bool first_listing);

  page_directory_options options_;
  mutable std::mutex mutex_; // of all below; not held while the file system works
  std::shared_ptr<page_folder> folder_;
  directory_index index_;
  io_switch writes_{page_folder::use::write};
  io_switch reads_{page_folder::use::read};
  int64_t last_use_ns_ = 0;
  uint64_t written_since_listing_ = 0;
  steady_time listed_at_{};
  bool listed_once_ = false;
  std::optional<folder_listing> listing_; // of scan()
};

} // namespace troupe
