#include "memory/page_folder.hpp"

#include "memory/page_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe {

namespace {

constexpr const char* marker_name = "troupe-kv-directory";
constexpr std::string_view marker_text = "Troupe's KV pages, format 1. Files may be deleted at any time.\n";
constexpr std::string_view unfinished_prefix = ".writing-";
constexpr const char* probe_name = ".writing-probe";

std::error_code last_error() {
  return {errno, std::generic_category()};
}

bool is_no_room(const std::error_code& why) {
  return why == std::errc::no_space_on_device || why.value() == EDQUOT;
}

status bad(std::string sentence) {
  return failure(page_error::bad_directory, std::move(sentence));
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// What the folder of a new mount may hold without being somebody's.
bool is_nobodys(const std::string& name) {
  return name.starts_with('.') || name == "lost+found" || parse_page_file_name(name);
}

} // namespace

owned_file::~owned_file() {
  if (is_open())
    close(descriptor_);
}

owned_file::owned_file(owned_file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

owned_file& owned_file::operator=(owned_file&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

std::optional<folder_entry> folder_listing::next() {
  while (const dirent* found = readdir(walk_.get())) {
    const std::string_view name = found->d_name;
    struct stat about {};
    if (name == "." || name == ".." ||
        fstatat(dirfd(walk_.get()), found->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
      continue; // removed meanwhile
    const bool plain = S_ISREG(about.st_mode);
    return folder_entry{.name = std::string(name),
                        .plain = plain,
                        .bytes = plain ? static_cast<uint64_t>(about.st_size) : 0,
                        .modified_ns = int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec};
  }
  return {};
}

page_folder::page_folder(owned_file folder, uint32_t owner, file_calls calls)
    : folder_(std::move(folder)), owner_(owner), calls_(std::move(calls)) {
  if (!calls_.open)
    calls_.open = [](int folder_descriptor, const char* name, int flags) {
      return openat(folder_descriptor, name, flags, 0600);
    };
  if (!calls_.write)
    calls_.write = ::write;
  if (!calls_.read)
    calls_.read = ::read;
  std::random_device device;
  instance_ = fmt::format("{:08x}{:08x}", device(), device());
}

result<page_folder> page_folder::open(const std::string& path, use wanted, file_calls calls) {
  owned_file folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat about {};
  if (!folder.is_open() && errno == ENOENT)
    return failure(
        page_error::bad_directory,
        fmt::format("kv_directory: there is no folder '{}': create it, or mount its file system first",
                    path));
  if (!folder.is_open() || fstat(folder.get(), &about) != 0)
    return failure(page_error::bad_directory, fmt::format("kv_directory: cannot open the folder '{}': {}",
                                                          path, last_error().message()));
  if (about.st_uid != geteuid())
    return failure(
        page_error::bad_directory,
        fmt::format("kv_directory: '{}' belongs to user {}, and this process runs as user {}: "
                    "pages that somebody else may have written are not used; give it its own folder",
                    path, about.st_uid, geteuid()));
  if (about.st_mode & S_IWOTH)
    return failure(page_error::bad_directory,
                   fmt::format("kv_directory: everybody may write to '{}' (mode {:o}): take that right away "
                               "with chmod o-w, or give it a folder inside",
                               path, about.st_mode & 07777));
  page_folder out(std::move(folder), about.st_uid, std::move(calls));
  if (auto claimed = out.claim(path, wanted); !claimed)
    return forward_error(claimed);
  return out;
}

status page_folder::claim(const std::string& path, use wanted) {
  const auto not_writable = [&](const std::error_code& why) -> status {
    auto sentence = fmt::format("kv_directory: cannot write to '{}': {}", path, why.message());
    if (is_no_room(why))
      return failure(page_error::directory_full, sentence + ": free some space, or lower kv_directory_mib");
    return bad(sentence + ": mount it writable, or give another folder");
  };
  std::array<std::byte, marker_text.size()> text;
  const std::array<std::span<std::byte>, 1> whole{text};
  const auto marked = read(marker_name, whole);
  if (marked && !std::ranges::equal(text, bytes_of(marker_text)))
    return bad(fmt::format("kv_directory: '{}' has pages of another format: give another folder", path));
  if (marked && wanted == use::read)
    return {};
  if (marked) {
    const std::array<std::byte, 4096> probe{};
    const std::array<std::span<const std::byte>, 1> parts{probe};
    if (auto why = write(probe_name, parts))
      return not_writable(why);
    remove(probe_name);
    return {};
  }
  if (marked.error().problem == file_problem::failed)
    return bad(fmt::format("kv_directory: cannot read '{}/{}': {}", path, marker_name,
                           marked.error().why.message()));
  if (marked.error().problem != file_problem::absent)
    return bad(
        fmt::format("kv_directory: '{}/{}' is not Troupe's, or of another version: give another folder", path,
                    marker_name));
  auto names = list();
  while (names) {
    const auto entry = names->next();
    if (!entry)
      break;
    if (!is_nobodys(entry->name) && entry->name != marker_name)
      return bad(
          fmt::format("kv_directory: '{}' holds other files ('{}'): give it an empty folder of its own", path,
                      entry->name));
  }
  const std::array<std::span<const std::byte>, 1> parts{bytes_of(marker_text)};
  if (auto why = write(marker_name, parts))
    return not_writable(why);
  return {};
}

std::error_code page_folder::write_parts(int file, std::span<const std::span<const std::byte>> parts) {
  for (auto part : parts)
    while (!part.empty()) {
      const auto written = calls_.write(file, part.data(), part.size());
      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return written == 0 ? std::make_error_code(std::errc::io_error) : last_error();
      part = part.subspan(static_cast<size_t>(written));
    }
  return {};
}

std::error_code page_folder::write(const std::string& name,
                                   std::span<const std::span<const std::byte>> parts) {
  const auto unfinished = fmt::format("{}{}-{}", unfinished_prefix, instance_, ++*writes_);
  owned_file file(
      calls_.open(folder_.get(), unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open())
    return last_error();
  auto why = write_parts(file.get(), parts);
  if (!why && renameat(folder_.get(), unfinished.c_str(), folder_.get(), name.c_str()) != 0)
    why = last_error();
  if (why)
    unlinkat(folder_.get(), unfinished.c_str(), 0);
  return why;
}

tl::expected<void, file_failure> page_folder::read(const std::string& name,
                                                   std::span<const std::span<std::byte>> parts) {
  const auto failed = [](file_problem problem, std::error_code why = {}) {
    return tl::unexpected(file_failure{problem, why});
  };
  // Without O_NONBLOCK somebody's named pipe would hold us here.
  owned_file file(calls_.open(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) {
    const auto why = last_error();
    if (why.value() == ENOENT || why.value() == ESTALE)
      return failed(file_problem::absent);
    return failed(why.value() == ELOOP ? file_problem::foreign : file_problem::failed, why);
  }
  struct stat about {};
  if (fstat(file.get(), &about) != 0)
    return failed(file_problem::failed, last_error());
  if (!S_ISREG(about.st_mode) || about.st_uid != owner_)
    return failed(file_problem::foreign);
  uint64_t wanted = 0;
  for (auto part : parts)
    wanted += part.size();
  if (static_cast<uint64_t>(about.st_size) != wanted)
    return failed(file_problem::size);
  for (auto part : parts)
    while (!part.empty()) {
      const auto got = calls_.read(file.get(), part.data(), part.size());
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return errno == ESTALE ? failed(file_problem::absent) : failed(file_problem::failed, last_error());
      if (got == 0) // shortened meanwhile
        return failed(file_problem::size);
      part = part.subspan(static_cast<size_t>(got));
    }
  return {};
}

void page_folder::touch(const std::string& name) {
  utimensat(folder_.get(), name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

void page_folder::remove(const std::string& name) {
  unlinkat(folder_.get(), name.c_str(), 0);
}

std::optional<folder_listing> page_folder::list() const {
  owned_file walk(openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!walk.is_open())
    return {};
  DIR* opened = fdopendir(walk.get());
  if (!opened)
    return {};
  walk.release(); // closedir() closes it
  return folder_listing(opened);
}

bool page_folder::is_unfinished(const std::string& name) {
  return name.starts_with(unfinished_prefix);
}

bool page_folder::is_marker(const std::string& name) {
  return name == marker_name;
}

} // namespace troupe
