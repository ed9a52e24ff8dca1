"""What the static libraries do to a host: nothing ends the process, nothing handles a signal, and no state is the
process's but the log's."""

import re
import subprocess

import pytest
from troupe_server import BINARY, ROOT

pytestmark = pytest.mark.release_only

ROOMS = ("base", "config", "observe", "kernels", "memory", "model", "actors", "supervision", "net", "runtime")

# std::terminate is left out: each noexcept function refers to it.
NEVER = {"exit", "_exit", "_Exit", "quick_exit", "abort", "raise", "kill", "atexit", "at_quick_exit", "signal",
         "sigaction", "sigprocmask", "setlocale", "setenv", "putenv", "unsetenv", "chdir",
         "umask", "std::set_terminate", "std::set_new_handler", "std::locale::global"}

# name: why it may be there. Variables of one thread are caches and counted apart.
STATE = {
    "troupe::(anonymous namespace)::the_log()::instance": "one log a process, which a host redirects (set_log_sink)",
}


def library(room):
    path = BINARY.parent / room / f"libtroupe_{room}.a"
    assert path.exists(), f"{path} is missing: build it with deploy/test.sh"
    return path


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def variables(room):
    """(object file, section, demangled name) of what is writable in a library, libraries' own left out."""
    member = None
    for line in output_of("objdump", "-tC", str(library(room))).splitlines():
        if found := re.match(r"(\S+\.o):", line):
            member = found[1]
        # value, seven columns of flags with O for an object, section, size, name
        elif found := re.match(r"[0-9a-f]+ .{6}O (\.\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(.*)", line):
            section, name = found[1], found[2]
            if re.match(r"\.(t?bss|t?data)(\.|$)", section) and not section.startswith(".data.rel"):
                if name.startswith("troupe::"):
                    yield member, section, name


def declared_const(room, member, name):
    plain = re.escape(re.sub(r"\[abi:\w+\]", "", name).rsplit("::", 1)[-1])
    sources = list((ROOT / room).rglob(member.removesuffix(".o"))) + list((ROOT / room).rglob("*.hpp"))
    declaration = re.compile(rf"\b(const|constexpr|constinit const)\b[^;(){{}}]*[\s&*]{plain}\s*(\[|\{{|=|;|\()")
    return any(declaration.search(path.read_text()) for path in sources)


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_ends_the_process_or_changes_it(room):
    undefined = output_of("nm", "-C", "--undefined-only", str(library(room)))
    called = {re.sub(r"\(.*", "", found).split("@")[0] for found in re.findall(r"^ +U (.*)$", undefined, re.M)}
    assert len(called) > 5
    assert called & NEVER == set()


@pytest.mark.parametrize("room", ROOMS)
def test_there_is_no_state_outside_of_objects(room):
    mutable = []
    for member, section, name in variables(room):
        if section.startswith((".tbss", ".tdata")) or name in STATE:
            continue
        if not declared_const(room, member, name):
            mutable.append(f"{member}: {name}")
    assert mutable == [], "make it a member, or say in STATE why it may be one for all"


def test_the_search_for_state_finds_the_log():
    assert any(name in STATE for _, _, name in variables("observe"))
