#include "cli/progress_bar.hpp"

#include <catch2/catch.hpp>
#include <sstream>

using namespace troupe;

namespace {

constexpr size_t mib = 1024 * 1024;

std::string shown(bool terminal, bool quiet, std::vector<size_t> done_mib) {
  std::ostringstream out;
  {
    progress_bar bar(out, terminal, quiet, "m.gguf");
    for (size_t done : done_mib)
      bar.show(done * mib, 200 * mib);
  }
  return out.str();
}

} // namespace

TEST_CASE("on a terminal one line is redrawn and then taken away") {
  std::string out = shown(true, false, {0, 100, 100});
  CHECK(out == "\r\033[Kloading m.gguf [..............................]   0%  0/200 MiB"
               "\r\033[Kloading m.gguf [###############...............]  50%  100/200 MiB"
               "\r\033[K");
  CHECK_THAT(shown(true, true, {199, 200}), Catch::EndsWith("99%  199/200 MiB\r\033[K"));
}

TEST_CASE("elsewhere a line when it begins and one when it ends, or nothing") {
  CHECK(shown(false, false, {0, 50, 100, 200}) == "loading m.gguf (200 MiB)\nloaded m.gguf\n");
  CHECK(shown(false, true, {0, 100, 200}).empty());
  CHECK(shown(true, false, {}).empty());
}

TEST_CASE("a total of nothing, or more done than there is, does no harm") {
  std::ostringstream out;
  progress_bar bar(out, true, false, "m");
  bar.show(5, 0);
  CHECK(out.str().empty());
  bar.show(7, 5);
  CHECK(out.str() == "\r\033[K");
}
