#include "supervision/child_process.hpp"

#include "base/file_descriptor.hpp"
#include "base/shared_memory.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstring>
#include <fcntl.h>

using namespace troupe;

namespace {

child_process::options shell(std::string script, std::vector<int> descriptors = {}) {
  return {"/bin/sh", "sh", {"-c", std::move(script)}, std::move(descriptors)};
}

std::string written_by(const std::string& script) {
  auto file = shared_memory::create(4096);
  REQUIRE(file);
  child_process child(shell("{ " + script + "; } >&3", {file->descriptor()}));
  CHECK(child.wait().exit_code == 0);
  const auto bytes = file->bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()),
                     strnlen(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

} // namespace

TEST_CASE("how a process ended is told") {
  child_process good(shell("exit 0"));
  CHECK(to_string(good.wait()) == "exit code 0");
  child_process bad(shell("exit 3"));
  CHECK(bad.wait().exit_code == 3);
  CHECK(bad.wait().exit_code == 3); // as often as one likes
  child_process killed(shell("kill -SEGV $$"));
  CHECK(killed.wait().signal == SIGSEGV);
  CHECK(to_string(killed.wait()) == "signal 11 (SEGV)");
}

TEST_CASE("a program that is not there is told, not thrown") {
  child_process none({"/nowhere/at/all", "nobody", {}, {}});
  CHECK(none.id() == -1);
  CHECK(none.wait().problem.find("/nowhere/at/all") != std::string::npos);
  none.kill(SIGKILL); // nobody
}

TEST_CASE("a process that is stopped for ever can be ended") {
  child_process child(shell("kill -STOP $$; exec sleep 1000"));
  child.kill(SIGKILL);
  CHECK(child.wait().signal == SIGKILL);
}

TEST_CASE("nothing is left when its owner goes") {
  pid_t id = -1;
  {
    child_process child(shell("exec sleep 1000"));
    id = child.id();
    REQUIRE(::kill(id, 0) == 0);
  }
  CHECK(::kill(id, 0) == -1);
}

TEST_CASE("a process gets the descriptors that it is given, and no others") {
  auto one = shared_memory::create(16), other = shared_memory::create(16);
  REQUIRE((one && other));
  file_descriptor leaking(::open("/dev/zero", O_RDONLY)); // without O_CLOEXEC, as of some library
  REQUIRE(leaking);
  // In the other order, so that numbers may have to change places.
  child_process child(shell("printf a >&3; printf b >&4; for each in 5 6 7 8 9; do "
                            "[ ! -e /proc/self/fd/$each ] || exit 1; done; read line && exit 2; exit 0",
                            {other->descriptor(), one->descriptor()}));
  CHECK(child.wait().exit_code == 0);
  CHECK(static_cast<char>(other->bytes()[0]) == 'a');
  CHECK(static_cast<char>(one->bytes()[0]) == 'b');
}

TEST_CASE("a process begins without blocked signals") {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto mask = written_by("grep SigBlk /proc/self/status");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK(mask == "SigBlk:\t0000000000000000\n");
}

TEST_CASE("memory that is shared outlives its writer") {
  CHECK(written_by("printf hello; true") == "hello");
  CHECK_FALSE(shared_memory::open(file_descriptor(::open("/dev/null", O_RDWR)), 1));
}
