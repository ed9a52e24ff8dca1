#include "memory/page_directory.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace troupe {

namespace {

constexpr milliseconds rest{30'000};              // after errors, before the next try
constexpr int read_failures_max = 3;              // one bad file says nothing about the folder
constexpr milliseconds listing_interval{300'000}; // other processes write too
constexpr int64_t second_ns = 1'000'000'000;
constexpr int64_t touch_interval_ns = 60 * second_ns; // a use is written down this often
constexpr int64_t unfinished_age_s = 60;              // whoever wrote it has died
constexpr size_t files_max = size_t{1} << 20;         // the index holds about 150 bytes for each

} // namespace

std::string_view to_string(directory_event event) {
  constexpr std::array<std::string_view, 13> names{
      "written",  "hit",     "absent",      "evicted",    "checksum",   "size",        "format",
      "identity", "foreign", "write_error", "read_error", "queue_full", "switched_off"};
  return names.at(static_cast<size_t>(event));
}

result<std::unique_ptr<page_directory>> page_directory::open(page_directory_options options) {
  TROUPE_CHECK(options.clock != nullptr, "a page directory needs a clock");
  std::unique_ptr<page_directory> out(new page_directory(std::move(options)));
  auto opened = out->reopen(page_folder::use::write);
  if (!opened && !opened.error().is(page_error::directory_full))
    return forward_error(opened);
  if (!opened) {
    out->failed(out->writes_, 1, opened.error().message);
    if (auto readable = out->reopen(page_folder::use::read); !readable)
      out->failed(out->reads_, 1, readable.error().message);
  }
  return out;
}

/// With no lock held.
status page_directory::reopen(page_folder::use wanted) {
  auto folder = page_folder::open(options_.path, wanted, options_.calls);
  if (!folder)
    return forward_error(folder);
  const std::lock_guard lock(mutex_);
  folder_ = std::make_shared<page_folder>(std::move(*folder));
  listed_once_ = false; // what was mounted there may be another file system now
  return {};
}

void page_directory::count(directory_event event) const {
  if (options_.count)
    options_.count(event);
}

void page_directory::resized() const {
  if (options_.resized)
    options_.resized(bytes());
}

/// The folder, unless the directory rests. After a rest everything is checked as at the start.
std::shared_ptr<page_folder> page_directory::ready(io_switch& which) {
  {
    const std::lock_guard lock(mutex_);
    if (!which.off)
      return folder_;
    if (options_.clock->now() < which.off_until)
      return nullptr;
  }
  if (auto opened = reopen(which.use); !opened) {
    failed(which, 1, opened.error().message);
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  return folder_;
}

void page_directory::failed(io_switch& which, int failures_max, const std::string& sentence) {
  bool goes_off = false;
  {
    const std::lock_guard lock(mutex_);
    if (++which.failures < failures_max)
      return;
    which.off_until = options_.clock->now() + rest;
    goes_off = !std::exchange(which.off, true);
  }
  if (goes_off && options_.changed) // once, not at each retry
    options_.changed(false, sentence);
}

void page_directory::worked(io_switch& which) {
  bool comes_back = false;
  {
    const std::lock_guard lock(mutex_);
    which.failures = 0;
    comes_back = std::exchange(which.off, false);
  }
  if (comes_back && options_.changed)
    options_.changed(true, fmt::format("kv_directory: '{}' works again", options_.path));
}

/// With the lock held. Strictly rising, so that the order of uses within a second is kept.
int64_t page_directory::use_now() {
  last_use_ns_ = std::max(last_use_ns_ + 1, options_.clock->unix_seconds() * second_ns);
  return last_use_ns_;
}

/// Removes files until so many bytes fit.
void page_directory::make_room(page_folder& folder, uint64_t bytes) {
  for (;;) {
    std::optional<page_key> victim;
    {
      const std::lock_guard lock(mutex_);
      if (index_.bytes() + bytes <= options_.bytes_max && index_.files() < files_max)
        return;
      victim = index_.oldest();
      if (!victim)
        return;
      index_.remove(*victim);
    }
    folder.remove(page_file_name(*victim));
    count(directory_event::evicted);
  }
}

bool page_directory::put(const page_identity& identity, std::span<const std::byte> page) {
  const auto bytes = page_file_bytes(page.size());
  if (bytes > options_.bytes_max)
    return false;
  const auto folder = ready(writes_);
  if (!folder) {
    count(directory_event::switched_off);
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    if (index_.touch(identity.key, use_now()))
      return true;
  }
  make_room(*folder, bytes);
  const auto header = make_page_header(options_.numeric_class, identity, page.size());
  const auto checksum = page_checksum(header, page);
  const std::array<std::span<const std::byte>, 3> parts{header, page, checksum};
  if (const auto why = folder->write(page_file_name(identity.key), parts)) {
    if (why == std::errc::is_a_directory) { // somebody's folder with a page's name
      count(directory_event::foreign);
      return false;
    }
    count(directory_event::write_error);
    failed(writes_, 1,
           fmt::format("kv_directory: cannot write to '{}': {}; pages are not kept there until that works "
                       "again, and nothing else is lost",
                       options_.path, why.message()));
    return false;
  }
  worked(writes_);
  count(directory_event::written);
  {
    const std::lock_guard lock(mutex_);
    index_.add(identity.key, bytes, use_now());
    written_since_listing_ += bytes;
  }
  resized();
  return true;
}

bool page_directory::get(const page_identity& identity, std::span<std::byte> page) {
  const auto folder = ready(reads_);
  if (!folder) {
    count(directory_event::switched_off);
    return false;
  }
  page_header header;
  std::array<std::byte, page_checksum_bytes> checksum;
  const std::array<std::span<std::byte>, 3> parts{header, page, checksum};
  const auto name = page_file_name(identity.key);
  auto event = directory_event::hit;
  if (const auto done = folder->read(name, parts); done) {
    worked(reads_);
    switch (judge_page(header, page, checksum, options_.numeric_class, identity)) {
    case page_verdict::good:
      break;
    case page_verdict::format:
      event = directory_event::format;
      break;
    case page_verdict::checksum:
      event = directory_event::checksum;
      break;
    case page_verdict::identity:
      event = directory_event::identity;
      break;
    }
  } else {
    const auto problem = done.error().problem;
    event = problem == file_problem::absent    ? directory_event::absent
            : problem == file_problem::foreign ? directory_event::foreign
            : problem == file_problem::size    ? directory_event::size
                                               : directory_event::read_error;
    if (event == directory_event::read_error)
      failed(
          reads_, read_failures_max,
          fmt::format("kv_directory: cannot read from '{}': {}; pages are computed instead until that works "
                      "again",
                      options_.path, done.error().why.message()));
  }
  count(event);
  if (event != directory_event::hit) {
    if (event != directory_event::absent)
      folder->remove(name); // it bears a page's name: ours to remove
    const std::lock_guard lock(mutex_);
    index_.remove(identity.key);
    return false;
  }
  std::unique_lock lock(mutex_);
  const auto now = use_now();
  const auto before = index_.touch(identity.key, now);
  if (!before)
    index_.add(identity.key, page_file_bytes(page.size()), now);
  lock.unlock();
  if (!before || now - *before > touch_interval_ns)
    folder->touch(name);
  return true;
}

bool page_directory::contains(const page_key& key) const {
  const std::lock_guard lock(mutex_);
  return index_.contains(key) && (!reads_.off || options_.clock->now() >= reads_.off_until);
}

/// One name of the folder.
void page_directory::note(page_folder& folder, const folder_entry& entry, bool first_listing) {
  if (const auto key = parse_page_file_name(entry.name)) {
    if (entry.bytes < page_file_bytes(1)) { // torn, or no plain file
      folder.remove(entry.name);
      return count(entry.plain ? directory_event::size : directory_event::foreign);
    }
    const std::lock_guard lock(mutex_);
    return index_.add(*key, entry.bytes, entry.modified_ns);
  }
  if (page_folder::is_unfinished(entry.name)) {
    if (entry.modified_ns / second_ns + unfinished_age_s < options_.clock->unix_seconds())
      folder.remove(entry.name);
    return;
  }
  if (!page_folder::is_marker(entry.name) && first_listing)
    count(directory_event::foreign);
}

bool page_directory::scan(int names) {
  std::shared_ptr<page_folder> folder;
  bool first = false; // foreign files are counted once
  {
    const std::lock_guard lock(mutex_);
    first = !listed_once_;
    const auto now = options_.clock->now();
    const bool due = !listed_once_ || now - listed_at_ >= listing_interval ||
                     written_since_listing_ > options_.bytes_max / 8;
    if (!folder_ || (!listing_ && (!due || (reads_.off && now < reads_.off_until))))
      return false;
    folder = folder_;
    if (!listing_) {
      listing_ = folder->list();
      if (listing_)
        index_.begin_listing();
      listed_at_ = now;
      written_since_listing_ = 0;
    }
  }
  for (int i = 0; listing_ && i < names; ++i) {
    const auto entry = listing_->next();
    if (entry) {
      note(*folder, *entry, first);
      continue;
    }
    listing_.reset();
    const std::lock_guard lock(mutex_);
    index_.end_listing();
    listed_once_ = true;
  }
  make_room(*folder, 0);
  resized();
  return listing_.has_value();
}

size_t page_directory::files() const {
  const std::lock_guard lock(mutex_);
  return index_.files();
}

uint64_t page_directory::bytes() const {
  const std::lock_guard lock(mutex_);
  return index_.bytes();
}

} // namespace troupe
