#include "tests/memory/directory_fixture.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace troupe;
namespace fs = std::filesystem;

TEST_CASE("a page comes back, also after a restart") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  REQUIRE(pages.open());
  CHECK_FALSE(pages.get(0));
  CHECK(pages.counts["absent"] == 1);
  CHECK(pages.put(0));
  CHECK(pages.put(1));
  CHECK(pages.put(1)); // known: not written again
  CHECK(pages.counts["written"] == 2);
  CHECK(pages.get(0));
  CHECK(pages.directory->bytes() == 2 * page_file_bytes(pages.page_bytes));

  REQUIRE(pages.open());
  CHECK_FALSE(pages.directory->contains(make_identity(1).key)); // before the folder was listed
  CHECK(pages.get(1));                                          // and yet it is there
  pages.scan_all();
  CHECK(pages.directory->contains(make_identity(0).key));
  CHECK(pages.directory->files() == 2);
  CHECK(pages.get(0));
  CHECK(pages.counts["hit"] == 3);
  CHECK(pages.sentences.empty());
}

TEST_CASE("another tenant, class or beginning is another page") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  REQUIRE(pages.open());
  REQUIRE(pages.put(3));
  std::vector<std::byte> page(pages.page_bytes);
  CHECK_FALSE(pages.directory->get(make_identity(3, "bob"), page));
  CHECK_FALSE(pages.directory->get(make_identity(3, "alice", 8), page));
  CHECK(pages.counts["absent"] == 2);
  // Equal names by a collision: each field is compared.
  const auto right = make_identity(3);
  for (int field = 0; field < 4; ++field) {
    auto other = right;
    pages.numeric_class = 7;
    REQUIRE(pages.open());
    REQUIRE(pages.put(3));
    pages.numeric_class = field == 0 ? 8 : 7;
    REQUIRE(pages.open());
    if (field == 1)
      ++other.root.low;
    else if (field == 2)
      ++other.parent.high;
    else if (field == 3)
      ++other.tokens[15];
    CHECK_FALSE(pages.directory->get(other, page));
    CHECK(pages.counts["identity"] == field + 1);
    CHECK_FALSE(fs::exists(pages.file_of(3)));
  }
}

TEST_CASE("every flipped bit is found, and the file removed") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  REQUIRE(pages.open());
  REQUIRE(pages.put(0));
  const auto sound = read_file(pages.file_of(0));
  REQUIRE(sound.size() == page_file_bytes(pages.page_bytes));
  int dropped = 0;
  for (size_t at = 0; at < sound.size(); ++at) {
    auto flipped = sound;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    write_file(pages.file_of(0), flipped);
    if (pages.get(0) || fs::exists(pages.file_of(0)))
      FAIL("byte " << at);
    ++dropped;
  }
  CHECK(pages.counts["format"] + pages.counts["checksum"] == dropped);
  CHECK(pages.counts["format"] == 16); // magic and version
  write_file(pages.file_of(0), sound);
  CHECK(pages.get(0));
}

TEST_CASE("every other length is found") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  REQUIRE(pages.open());
  REQUIRE(pages.put(0));
  const auto sound = read_file(pages.file_of(0));
  for (size_t size = 0; size <= sound.size() + 3; ++size) {
    if (size == sound.size())
      continue;
    auto other = sound;
    other.resize(size);
    write_file(pages.file_of(0), other);
    if (pages.get(0))
      FAIL(size << " bytes");
  }
  CHECK(pages.counts["size"] == static_cast<int>(sound.size()) + 3);
  CHECK(pages.directory->files() == 0);
}

TEST_CASE("a file that shrinks while it is read is dropped") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  pages.calls.read = [&](int file, void* bytes, size_t size) {
    if (size == pages.page_bytes)
      fs::resize_file(pages.file_of(0), page_header_bytes + 100);
    return ::read(file, bytes, size);
  };
  REQUIRE(pages.open());
  REQUIRE(pages.put(0));
  CHECK_FALSE(pages.get(0));
  CHECK(pages.counts["size"] == 1);
}

TEST_CASE("foreign files are counted and left alone, unless they bear a page's name") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  REQUIRE(pages.open());
  for (int32_t index = 0; index < 6; ++index)
    REQUIRE(pages.put(index));
  // Somebody's own files, among them names that are nearly a page's.
  auto capitals = page_file_name(make_identity(0).key);
  capitals[0] = 'F';
  const std::vector<std::string> others{"notes.txt", "0123.kv1", capitals, "zz" + capitals.substr(2),
                                        page_file_name(make_identity(0).key) + "~"};
  for (const auto& name : others)
    write_file(folder.path() / name, "mine");
  // A link, a pipe, a text and a sound file of another page in place of pages; a folder is nothing to read.
  write_file(folder.path() / "target", read_file(pages.file_of(1)));
  fs::remove(pages.file_of(1));
  fs::create_symlink(folder.path() / "target", pages.file_of(1));
  fs::remove(pages.file_of(2));
  REQUIRE(mkfifo(pages.file_of(2).c_str(), 0600) == 0);
  write_file(pages.file_of(3), std::string(page_file_bytes(pages.page_bytes), 'x'));
  fs::copy_file(pages.file_of(0), pages.file_of(4), fs::copy_options::overwrite_existing);
  fs::remove(pages.file_of(5));
  fs::create_directory(pages.file_of(5));
  for (int32_t index = 1; index < 6; ++index)
    CHECK_FALSE(pages.get(index));
  CHECK(pages.counts["foreign"] == 3);
  CHECK(pages.counts["format"] == 1);
  CHECK(pages.counts["identity"] == 1);
  CHECK(fs::exists(folder.path() / "target"));
  CHECK_FALSE(pages.put(5)); // a folder cannot be replaced, and that is no reason to go off
  CHECK(pages.sentences.empty());
  CHECK(pages.put(1));
  CHECK(pages.get(1));

  pages.counts.clear();
  fs::remove(pages.file_of(1));
  fs::create_symlink(folder.path() / "target", pages.file_of(1));
  REQUIRE(pages.open());
  pages.scan_all();
  CHECK(pages.counts["foreign"] == static_cast<int>(others.size()) + 3); // and "target", the link, the folder
  CHECK(pages.directory->files() == 1);
  for (const auto& name : others)
    CHECK(read_file(folder.path() / name) == "mine");
}

TEST_CASE("the folder is bounded, and the least recently used go first") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  const auto file = page_file_bytes(pages.page_bytes);
  pages.bytes_max = 4 * file + 10;
  REQUIRE(pages.open());
  for (int32_t index = 0; index < 4; ++index)
    REQUIRE(pages.put(index));
  CHECK(pages.get(0));
  CHECK(pages.put(4));
  CHECK(pages.counts["evicted"] == 1);
  CHECK_FALSE(fs::exists(pages.file_of(1)));
  CHECK(pages.get(0));
  CHECK(pages.directory->bytes() == 4 * file);
  CHECK(pages.shown_bytes == 4 * file);

  // The order outlives the process: 0 was used after 2.
  const auto now = fs::file_time_type::clock::now();
  int minutes = 60;
  for (int32_t index : {2, 0, 3, 4})
    fs::last_write_time(pages.file_of(index), now - std::chrono::minutes(--minutes));
  pages.bytes_max = 2 * file;
  REQUIRE(pages.open());
  pages.scan_all();
  CHECK(pages.directory->files() == 2);
  CHECK_FALSE(fs::exists(pages.file_of(2)));
  CHECK_FALSE(fs::exists(pages.file_of(0)));
  CHECK(pages.get(3));
  CHECK(pages.get(4));

  // A page that is larger than everything is not kept.
  pages.bytes_max = file - 1;
  REQUIRE(pages.open());
  CHECK_FALSE(pages.put(9));
}

TEST_CASE("a use is written to the file, but not every time") {
  temporary_folder folder;
  directory_under_test pages(folder.path());
  REQUIRE(pages.open());
  REQUIRE(pages.put(0));
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  const auto age = [&] { return fs::file_time_type::clock::now() - fs::last_write_time(pages.file_of(0)); };
  fs::last_write_time(pages.file_of(0), old);
  CHECK(pages.get(0));
  CHECK(age() > std::chrono::minutes(59)); // written a moment ago
  pages.clock.set_unix_seconds(pages.clock.unix_seconds() + 100);
  CHECK(pages.get(0));
  CHECK(age() < std::chrono::minutes(1));
}

TEST_CASE("two processes share a folder") {
  temporary_folder folder;
  directory_under_test one(folder.path()), two(folder.path());
  const auto file = page_file_bytes(one.page_bytes);
  one.bytes_max = two.bytes_max = 8 * file;
  REQUIRE(one.open());
  REQUIRE(two.open());
  one.scan_all();
  two.scan_all();
  REQUIRE(one.put(0));
  CHECK(two.get(0));
  REQUIRE(two.put(1));
  REQUIRE(one.put(1)); // both write the same bytes
  CHECK(two.get(1));
  fs::remove(one.file_of(1)); // as the other's eviction does
  CHECK_FALSE(one.get(1));
  CHECK(one.counts["absent"] == 1);

  // Each sees what the other wrote when it lists the folder again, and keeps to the bound.
  for (int32_t index = 10; index < 18; ++index) {
    CHECK(one.put(index));
    CHECK(two.put(index + 10));
  }
  one.scan_all();
  two.scan_all();
  uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    bytes += entry.path().extension() == ".kv1" ? entry.file_size() : 0;
  CHECK(bytes <= one.bytes_max);
  CHECK(bytes >= one.bytes_max / 2);
  CHECK(one.sentences.empty());
  CHECK(two.sentences.empty());
}
