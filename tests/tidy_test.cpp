#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <sstream>

using namespace troupe::tidy;

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Every C++ and CUDA file of ours, by its path from the top. Tests run there.
std::vector<std::string> source_paths() {
  constexpr std::array<const char*, 14> folders{"base",  "config", "observe",     "kernels", "memory",
                                                "model", "actors", "supervision", "net",     "runtime",
                                                "cli",   "tests",  "bench",       "examples"};
  std::vector<std::string> out;
  for (const char* folder : folders) {
    if (!fs::exists(folder))
      continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      auto end = entry.path().extension();
      if (entry.is_regular_file() && (end == ".hpp" || end == ".cpp" || end == ".cu" || end == ".cuh"))
        out.push_back(entry.path().generic_string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// What a command printed, errors too.
std::string output_of(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
  std::string out;
  std::array<char, 4096> buffer{};
  for (size_t n; pipe && (n = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
    out.append(buffer.data(), n);
  return out;
}

/// Another version formats otherwise, so only 14 will do.
std::string clang_format_14() {
  for (const char* program : {"clang-format-14", "clang-format"})
    if (output_of(fmt::format("{} --version", program)).find("version 14.") != std::string::npos)
      return program;
  return {};
}

/// "path:line" of each complaint of clang-format.
std::vector<complaint> unformatted_in(const std::string& output) {
  std::vector<complaint> out;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    if (size_t at = line.find(": error: code should be clang-formatted"); at != std::string::npos)
      out.push_back(line.substr(0, line.rfind(':', at - 1)));
  return out;
}

std::vector<complaint> includes_in(const std::string& path, const std::string& text) {
  return check_includes({path, text});
}

std::vector<complaint> words_in(const std::string& path, const std::string& text) {
  return check_words({path, text});
}

} // namespace

TEST_CASE("the tree is tidy") {
  auto paths = source_paths();
  INFO("run this test from the top of the tree");
  REQUIRE(std::find(paths.begin(), paths.end(), "base/result.hpp") != paths.end());
  REQUIRE(paths.size() > 30);
  for (const std::string& path : paths)
    for (const complaint& found : check_all({path, read(path)}))
      FAIL_CHECK(found);
}

TEST_CASE("the tree is formatted") {
  std::string program = clang_format_14();
  INFO("install clang-format 14 (Debian: clang-format-14)");
  REQUIRE_FALSE(program.empty());
  std::string files;
  for (const std::string& path : source_paths())
    if (path.ends_with("pp"))
      files += fmt::format(" '{}'", path);
  for (const complaint& found :
       unformatted_in(output_of(program + " --dry-run -Werror --ferror-limit=1" + files)))
    FAIL_CHECK(found << ": run " << program << " -i on it");

  // And it would be noticed.
  std::string bad =
      output_of("echo 'int  a ;' | " + program + " --dry-run -Werror --assume-filename=base/a.cpp");
  CHECK(unformatted_in(bad).size() >= 1);
}

TEST_CASE("rooms include what is left of them") {
  CHECK(includes_in("net/a.cpp", "#include \"actors/messages.hpp\"\n#include \"net/b.hpp\"\n").empty());
  CHECK(includes_in("actors/a.cpp", "\n#include \"net/b.hpp\"\n") ==
        std::vector<complaint>{"actors/a.cpp:2: actors/ may not include net/"});
  CHECK(includes_in("memory/a.hpp", "#include \"kernels/b.hpp\"").size() == 1);
  CHECK(includes_in("kernels/cpu/a.hpp", "#include \"observe/b.hpp\"").size() == 1);
  CHECK(includes_in("observe/a.hpp", "#include \"memory/b.hpp\"").size() == 1);
  CHECK(includes_in("model/a.hpp", "#include \"kernels/b.hpp\"").empty());
  CHECK(includes_in("model/a.hpp", "  #  include \"cli/b.hpp\"").size() == 1);
  CHECK(includes_in("model/a.hpp", "#include \"b.hpp\"").size() == 1);
  CHECK(includes_in("model/a.hpp", "#include \"tests/b.hpp\"").size() == 1);
  CHECK(includes_in("tests/base/a.cpp", "#include \"cli/b.hpp\"").empty());
}

TEST_CASE("CAF, Beast and Asio stay in their rooms") {
  CHECK(includes_in("model/a.cpp", "#include <caf/all.hpp>").size() == 1);
  CHECK(includes_in("actors/a.cpp", "#include <caf/all.hpp>").empty());
  CHECK(includes_in("cli/a.cpp", "#include <boost/asio.hpp>").size() == 1);
  CHECK(includes_in("runtime/a.cpp", "#include <boost/beast/core.hpp>").size() == 1);
  CHECK(includes_in("net/a.cpp", "#include <boost/beast/core.hpp>\n#include <boost/asio.hpp>").empty());
  CHECK(includes_in("tests/net/a.cpp", "#include <boost/asio.hpp>").empty());
}

TEST_CASE("lengths") {
  std::string lines;
  for (int i = 0; i < 400; ++i)
    lines += "x\n";
  CHECK(check_length({"base/a.cpp", lines}).empty());
  auto found = check_length({"base/a.cpp", lines + "x"});
  REQUIRE(found.size() == 1);
  CHECK(found[0].starts_with("base/a.cpp:401: 401 lines, more than 400"));
}

TEST_CASE("owners of what is left to do") {
  const std::string mark = "TO"
                           "DO";
  CHECK(check_owners({"a.cpp", "int a; // " + mark + "(ada): later\n"}).empty());
  CHECK(check_owners({"a.cpp", "// " + mark + ": later\n"}).size() == 1);
  CHECK(check_owners({"a.cpp", "// " + mark + "(): later\n"}).size() == 1);
  CHECK(check_owners({"a.cpp", "// FIX"
                               "ME later\n"})
            .size() == 1);
  CHECK(check_owners({"a.cpp", "auto MASTO"
                               "DON = 1;\n"})
            .empty());
}

TEST_CASE("headers have a guard") {
  CHECK(check_pragma({"base/a.hpp", "// why\n\n#pragma once\nint a;\n"}).empty());
  CHECK(check_pragma({"base/a.hpp", "// #pragma once\nint a;\n"}) ==
        std::vector<complaint>{"base/a.hpp:2: a header begins with #pragma once"});
  CHECK(check_pragma({"base/a.hpp", ""}).size() == 1);
  CHECK(check_pragma({"base/a.cpp", "int a;"}).empty());
}

TEST_CASE("waits, sleeps and ends of the process") {
  CHECK(words_in("actors/a.cpp", "self->request(x, caf::infinite, y);").size() == 1);
  CHECK(words_in("actors/a.cpp", "request(x,infinite)").size() == 1);
  CHECK(words_in("actors/a.cpp", "// never infinite\nbool is_infinite;\nauto s = \"infinite\";").empty());
  CHECK(words_in("tests/a.cpp", "std::this_thread::sleep_for(1s);") ==
        std::vector<complaint>{"tests/a.cpp:1: no sleep_for in a test: inject the clock"});
  CHECK(words_in("net/a.cpp", "std::exit(1);").size() == 1);
  CHECK(words_in("net/a.cpp", "  abort ();").size() == 1);
  CHECK(words_in("net/a.cpp", "std::terminate();").size() == 1);
  CHECK(words_in("net/a.cpp", "::_exit(1);").size() == 1);
  CHECK(words_in("net/a.cpp", "send_exit(a, b); on_exit(c); x.abort(); y->exit(); exit_reason(z); int exit;")
            .empty());
  CHECK(words_in("net/a.hpp", "void abort() override;").empty());
  CHECK(words_in("net/a.cpp", "void session::abort() {}").empty());
  CHECK(words_in("net/a.cpp", "if (x) abort();").size() == 1);
  CHECK(words_in("net/a.cpp", "else abort();").size() == 1);
  CHECK(words_in("cli/main.cpp", "std::exit(1);").empty());
  CHECK(words_in("net/a.cpp", "std::signal(SIGPIPE, SIG_IGN);").size() == 1);
  CHECK(words_in("net/a.cpp", "::sigaction(SIGINT, &a, nullptr);").size() == 1);
  CHECK(words_in("base/a.cpp", "setlocale(LC_ALL, \"\");").size() == 1);
  CHECK(words_in("base/a.cpp", "on_signal(a); x.signal(b); std::atexit(f);").size() == 1);
  CHECK(words_in("cli/a.cpp", "std::signal(SIGPIPE, SIG_IGN);").empty());
}

TEST_CASE("comments and literals are not code") {
  CHECK(code_only("a // b\nc") == "a     \nc");
  CHECK(code_only("a /* b\nc */ d") == "a     \n     d");
  CHECK(code_only("f(\"x\\\"y\", 'c', 1'000'000); g") == "f(      ,    , 1'000'000); g");
  CHECK(code_only("R\"(a\" // b)\" c") == "             c");
  CHECK(code_only("R\"x(a)\" )x\" c") == "            c");
  CHECK(code_only("\"unterminated\nnext").ends_with("next"));
  CHECK(code_only("\"\\").size() == 2);
}
