#pragma once

#include "base/result.hpp"
#include "memory/errors.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <dirent.h>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace troupe {

/// The calls that tests make fail; as openat, write and read of POSIX. Empty: the system's own.
struct file_calls {
  std::function<int(int folder, const char* name, int flags)> open;
  std::function<ssize_t(int file, const void* bytes, size_t size)> write;
  std::function<ssize_t(int file, void* bytes, size_t size)> read;
};

/// Closes its descriptor.
class owned_file {
public:
  explicit owned_file(int descriptor = -1) : descriptor_(descriptor) {}
  ~owned_file();
  owned_file(owned_file&& other) noexcept;
  owned_file& operator=(owned_file&& other) noexcept;

  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); } // somebody else closes it
  bool is_open() const { return descriptor_ >= 0; }

private:
  int descriptor_;
};

struct folder_entry {
  std::string name;
  bool plain = false;      // no link, folder or other
  uint64_t bytes = 0;      // of a plain file
  int64_t modified_ns = 0; // since 1970
};

/// Walks over the names in a folder, in no order.
class folder_listing {
public:
  explicit folder_listing(DIR* walk) : walk_(walk, &closedir) {}

  /// Absent at the end.
  std::optional<folder_entry> next();

private:
  std::unique_ptr<DIR, int (*)(DIR*)> walk_;
};

enum class file_problem : uint8_t {
  absent,
  foreign, // not a plain file of ours
  size,    // shorter or longer than it should be
  failed,  // the file system's error
};

struct file_failure {
  file_problem problem = file_problem::failed;
  std::error_code why; // of `failed`
};

/// A folder that belongs to this process's user and holds page files and nothing else: whole files go in and
/// out by name. Thread-safe.
class page_folder {
public:
  enum class use { read, write };

  /// Opens the folder and claims it: a marker file says whose format it has. It is never made here, since a
  /// missing one is mostly a file system that is not mounted. For `write` it tries a file. Errors, with what
  /// to do: bad_directory, directory_full (a sound folder without room).
  static result<page_folder> open(const std::string& path, use wanted, file_calls calls = {});

  /// Written under another name first and then renamed, so that whoever reads sees all or nothing. Nothing is
  /// synced: what a power cut tears is found by its checksum, and costs a prefill.
  std::error_code write(const std::string& name, std::span<const std::span<const std::byte>> parts);

  /// Reads a file that is exactly as long as the parts together.
  tl::expected<void, file_failure> read(const std::string& name, std::span<const std::span<std::byte>> parts);

  /// Sets its time of modification to now: the order of use outlives the process.
  void touch(const std::string& name);

  void remove(const std::string& name);

  /// Absent where the folder cannot be read any more.
  std::optional<folder_listing> list() const;

  /// Whether a name is one that write() uses for a file that is not whole yet.
  static bool is_unfinished(const std::string& name);

  /// A file of ours that holds no page.
  static bool is_marker(const std::string& name);

private:
  page_folder(owned_file folder, uint32_t owner, file_calls calls);

  status claim(const std::string& path, use wanted);
  std::error_code write_parts(int file, std::span<const std::span<const std::byte>> parts);

  owned_file folder_;
  uint32_t owner_;
  file_calls calls_;
  std::string instance_; // in the names of unfinished files: no two processes of any machine share one
  std::unique_ptr<std::atomic<uint64_t>> writes_ = std::make_unique<std::atomic<uint64_t>>(0);
};

} // namespace troupe
