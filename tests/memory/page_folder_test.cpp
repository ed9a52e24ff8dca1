#include "tests/memory/directory_fixture.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace troupe;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

/// What opening says; it must fail.
std::string refusal(directory_under_test& pages) {
  const auto opened = pages.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().is(page_error::bad_directory));
  return opened.error().message;
}

ssize_t fail_with(int error) {
  errno = error;
  return -1;
}

/// A file system of a few pages on the folder; absent where this user may not mount.
class small_mount {
public:
  explicit small_mount(const fs::path& on)
      : path_(on), mounted_(mount("tmpfs", on.c_str(), "tmpfs", 0, "size=64k,mode=700") == 0) {}
  ~small_mount() {
    if (mounted_)
      umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  bool remount(unsigned long flags) {
    return mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | flags, "size=64k") == 0;
  }

private:
  fs::path path_;
  bool mounted_;
};

} // namespace

TEST_CASE("a folder that cannot be used is refused with a sentence") {
  temporary_folder folder;
  directory_under_test missing(folder.path() / "nowhere");
  CHECK_THAT(refusal(missing), Contains("there is no folder") && Contains("nowhere") && Contains("mount"));
  CHECK_FALSE(fs::exists(folder.path() / "nowhere"));

  write_file(folder.path() / "file", "text");
  directory_under_test file(folder.path() / "file");
  CHECK_THAT(refusal(file), Contains("Not a directory"));

  directory_under_test busy(folder.path());
  CHECK_THAT(refusal(busy), Contains("other files") && Contains("'file'"));
  CHECK(read_file(folder.path() / "file") == "text");
  fs::remove(folder.path() / "file");

  chmod(folder.path().c_str(), 0777);
  CHECK_THAT(refusal(busy), Contains("everybody may write") && Contains("chmod o-w"));
  chmod(folder.path().c_str(), 0700);

  if (geteuid() == 0) {
    REQUIRE(chown(folder.path().c_str(), 12'345, 12'345) == 0);
    CHECK_THAT(refusal(busy), Contains("belongs to user 12345") && Contains("user 0"));
    REQUIRE(chown(folder.path().c_str(), 0, 0) == 0);
  }

  fs::create_directory(folder.path() / "lost+found"); // of a new file system
  write_file(folder.path() / ".hidden", "");
  CHECK(busy.open());
  CHECK(busy.put(0));
  const auto marker = folder.path() / "troupe-kv-directory";
  auto text = read_file(marker);
  CHECK_THAT(text, Contains("format 1"));
  text[text.find('1')] = '2';
  write_file(marker, text);
  CHECK_THAT(refusal(busy), Contains("another format"));
  write_file(marker, "short");
  CHECK_THAT(refusal(busy), Contains("not Troupe's"));
  CHECK(fs::exists(busy.file_of(0)));
}

TEST_CASE("a read-only folder is refused, whichever way it is one") {
  for (int error : {EROFS, EACCES, EPERM}) {
    temporary_folder folder;
    directory_under_test pages(folder.path());
    pages.calls.open = [&](int at, const char* name, int flags) {
      return flags & O_CREAT ? static_cast<int>(fail_with(error)) : openat(at, name, flags, 0600);
    };
    CHECK_THAT(refusal(pages), Contains("cannot write") && Contains(std::strerror(error)));
    pages.calls.open = {};
    REQUIRE(pages.open()); // now it has its marker
    pages.calls.open = [&](int at, const char* name, int flags) {
      return flags & O_CREAT ? static_cast<int>(fail_with(error)) : openat(at, name, flags, 0600);
    };
    CHECK_THAT(refusal(pages), Contains("cannot write"));
  }
}

TEST_CASE("a real file system that is full, and then read-only") {
  temporary_folder folder;
  small_mount disk(folder.path());
  if (!disk.mounted()) {
    WARN("not root: mounts are not tested");
    return;
  }
  directory_under_test pages(folder.path());
  REQUIRE(pages.open());
  int32_t kept = 0;
  while (kept < 100 && pages.put(kept))
    ++kept;
  CHECK(kept > 3);
  CHECK(kept < 100);
  REQUIRE(pages.sentences.size() == 1);
  CHECK_THAT(pages.sentences[0], Contains("off: ") && Contains("No space left"));
  CHECK(pages.get(0)); // what is there is still used
  for (const auto& entry : fs::directory_iterator(folder.path()))
    CHECK_FALSE(page_folder::is_unfinished(entry.path().filename()));

  // A start on a full disk is a start without the directory.
  REQUIRE(pages.open());
  CHECK(pages.sentences.size() == 2);
  CHECK_FALSE(pages.put(200));
  CHECK(pages.get(0));
  fs::remove(pages.file_of(1));
  fs::remove(pages.file_of(2));
  pages.clock.advance(milliseconds(30'000));
  CHECK(pages.put(200));
  CHECK(pages.sentences.back().starts_with("on: "));

  REQUIRE(disk.remount(MS_RDONLY));
  CHECK_FALSE(pages.put(201));
  CHECK_THAT(pages.sentences.back(), Contains("off: ") && Contains("Read-only"));
  CHECK(pages.get(200));
  CHECK_THAT(refusal(pages), Contains("Read-only"));
}

TEST_CASE("write errors switch writing off for a while, with one warning") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  bool full = false;
  int tries = 0;
  pages.calls.write = [&](int file, const void* bytes, size_t size) {
    ++tries;
    return full ? fail_with(ENOSPC) : ::write(file, bytes, size);
  };
  REQUIRE(pages.open());
  REQUIRE(pages.put(0));
  full = true;
  CHECK_FALSE(pages.put(1));
  tries = 0;
  for (int32_t index = 2; index < 9; ++index)
    CHECK_FALSE(pages.put(index));
  CHECK(tries == 0); // it rests
  CHECK(pages.counts["write_error"] == 1);
  CHECK(pages.counts["switched_off"] == 7);
  CHECK(pages.get(0));
  for (int i = 0; i < 3; ++i) {
    pages.clock.advance(milliseconds(30'000));
    CHECK_FALSE(pages.put(1));
    CHECK_FALSE(pages.put(1));
  }
  CHECK(tries == 3); // one a rest
  CHECK(pages.sentences.size() == 1);
  full = false;
  pages.clock.advance(milliseconds(30'000));
  CHECK(pages.put(1));
  CHECK(pages.put(2));
  REQUIRE(pages.sentences.size() == 2);
  CHECK_THAT(pages.sentences[1], Contains("works again"));
  CHECK(pages.get(1));
}

TEST_CASE("short and interrupted writes are finished") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  int calls = 0;
  pages.calls.write = [&](int file, const void* bytes, size_t size) -> ssize_t {
    return ++calls % 3 == 0 ? fail_with(EINTR) : ::write(file, bytes, std::min<size_t>(size, 7));
  };
  pages.calls.read = [&](int file, void* bytes, size_t size) -> ssize_t {
    return ++calls % 3 == 0 ? fail_with(EINTR) : ::read(file, bytes, std::min<size_t>(size, 11));
  };
  REQUIRE(pages.open());
  CHECK(pages.put(0));
  CHECK(pages.get(0));
}

TEST_CASE("one unreadable file is dropped, three in a row switch reading off") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  int error = 0;
  pages.calls.read = [&](int file, void* bytes, size_t size) {
    return error ? fail_with(error) : ::read(file, bytes, size);
  };
  REQUIRE(pages.open());
  for (int32_t index = 0; index < 6; ++index)
    REQUIRE(pages.put(index));
  error = EIO;
  CHECK_FALSE(pages.get(0));
  error = 0;
  CHECK(pages.get(1));
  CHECK(pages.sentences.empty());
  error = EIO;
  for (int32_t index = 1; index < 4; ++index)
    CHECK_FALSE(pages.get(index));
  REQUIRE(pages.sentences.size() == 1);
  CHECK_THAT(pages.sentences[0], Contains("cannot read"));
  CHECK(pages.counts["read_error"] == 4);
  CHECK_FALSE(pages.directory->contains(make_identity(4).key)); // nobody should wait for it
  error = 0;
  CHECK_FALSE(pages.get(4));
  CHECK(pages.counts["switched_off"] == 1);
  pages.clock.advance(milliseconds(30'000));
  CHECK(pages.directory->contains(make_identity(4).key));
  CHECK(pages.get(4));
  CHECK(pages.sentences.size() == 2);
  // Another client of a network file system removed it: no error.
  error = ESTALE;
  CHECK_FALSE(pages.get(5));
  CHECK(pages.counts["absent"] == 1);
  CHECK(pages.counts["read_error"] == 4);
}

TEST_CASE("a process that is killed in the middle of a write leaves nothing that is believed") {
  for (int after = 1; after <= 3; ++after) { // in the header, the page and the checksum
    temporary_folder folder;
    directory_under_test pages(folder.path());
    REQUIRE(pages.open());
    REQUIRE(pages.put(0));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      int writes = 0;
      directory_under_test doomed(folder.path());
      doomed.calls.write = [&](int file, const void* bytes, size_t size) {
        // Its first write is the probe's.
        if (++writes == 1 + after) {
          (void)!::write(file, bytes, size / 2);
          kill(getpid(), SIGKILL);
        }
        return ::write(file, bytes, size);
      };
      (void)doomed.open();
      (void)doomed.put(1);
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    const auto unfinished = [&] {
      int count = 0;
      for (const auto& entry : fs::directory_iterator(folder.path()))
        count += page_folder::is_unfinished(entry.path().filename()) ? 1 : 0;
      return count;
    };
    REQUIRE(pages.open());
    pages.scan_all();
    CHECK(pages.directory->files() == 1);
    CHECK_FALSE(pages.get(1));
    CHECK(pages.get(0));
    CHECK(unfinished() == 1); // it could be a living process's
    pages.clock.set_unix_seconds(pages.clock.unix_seconds() + 120);
    pages.clock.advance(milliseconds(300'000));
    pages.scan_all();
    CHECK(unfinished() == 0);
    CHECK(pages.put(1));
    CHECK(pages.get(1));
  }
}
