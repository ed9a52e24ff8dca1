"""KV pages in a directory: they outlive the process, and damaged ones are noticed, counted and computed again."""

import os
import signal
from pathlib import Path

import pytest
from troupe_server import TroupeServer

pytestmark = pytest.mark.limit_s(120)

CACHE = ("--kv-cache-mib", "16")  # 44 pages of this model: about 700 tokens
PAGE_FILE_BYTES = 368_640 + 144 + 4
READS = 8  # of one sequence on their way
FAILURES = ("checksum", "size", "format", "identity", "foreign", "read_error", "write_error", "switched_off")


def prompt(subject: str) -> str:
    return f"{subject}: " + ", ".join(f"{subject} number {n}" for n in range(1, 80))


def ask(server: TroupeServer, subject: str) -> tuple[str, int, int]:
    """Its answer, the prompt's tokens and how many of them were cached."""
    body = server.chat(prompt(subject), max_tokens=12, seed=1)
    usage = body["usage"]
    return (body["choices"][0]["message"]["content"], usage["prompt_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"])


def events(server: TroupeServer, *names: str) -> int:
    numbers = server.metrics()
    return int(sum(numbers.total("troupe_kv_directory_pages_total", event=name) for name in names))


def page_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.kv1"))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "kv"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def start(tmp_path, folder):
    """start(*flags): a server with the directory, to be used in a with statement."""
    count = iter(range(100))
    return lambda *flags: TroupeServer(tmp_path / f"server{next(count)}.log", *CACHE, "--kv-directory", str(folder), *flags)


def test_pages_outlive_a_clean_end_and_a_kill(start, folder):
    with start() as server:
        first, tokens, cached = ask(server, "river")
        assert cached == 0 and 400 < tokens < 650
        assert ask(server, "river") == (first, tokens, (tokens - 1) // 16 * 16)  # from memory
        assert events(server, "hit", *FAILURES) == 0
    assert "kv_pages_saved" in server.log()
    saved = len(page_files(folder))
    assert saved >= tokens // 16  # what was cached and idle

    with start() as server:
        assert ask(server, "river") == (first, tokens, (tokens - 1) // 16 * 16)
        assert events(server, "hit") == (tokens - 1) // 16
        # Others take the memory: all that is new is written as it goes.
        second = ask(server, "mountain")
        for other in ("island", "desert"):
            ask(server, other)
        assert events(server, "written") >= second[1] // 16
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)

    with start() as server:
        assert ask(server, "mountain") == (second[0], second[1], (second[1] - 1) // 16 * 16)
        assert ask(server, "river")[0] == first
        assert events(server, *FAILURES) == 0
        assert server.metrics().total("troupe_kv_directory_up") == 1


def test_damaged_files_are_noticed_counted_and_computed_again(start, folder):
    with start() as server:
        first, tokens, _ = ask(server, "river")
    for number, path in enumerate(page_files(folder)):
        data = bytearray(path.read_bytes())
        data[(number * 9973 + 200) % len(data)] ^= 1 << number % 8
        path.write_bytes(data)
    with start() as server:
        assert ask(server, "river") == (first, tokens, 0)
        found = events(server, "checksum", "format", "identity")
        assert 1 <= found <= READS  # the first one ends the search; others were on their way
        assert events(server, "hit") == 0
    with start() as server:  # those were written anew, the ones behind them are still damaged
        assert ask(server, "river") == (first, tokens, 16 * found)
        assert 1 <= events(server, "checksum", "format", "identity") <= READS
    for path in page_files(folder):
        os.truncate(path, PAGE_FILE_BYTES - 1)
    (folder / "README").write_text("somebody's own\n")
    with start() as server:
        assert ask(server, "river") == (first, tokens, 0)
        assert 1 <= events(server, "size") <= READS
        assert events(server, "foreign") == 1
        assert ask(server, "river")[2] > 0  # from memory
    assert (folder / "README").read_text() == "somebody's own\n"
    with start() as server:
        answer = ask(server, "river")
        assert answer[0] == first


def test_the_folder_is_bounded(start, folder):
    with start("--kv-directory-mib", "5") as server:
        for subject in ("river", "mountain", "island", "desert"):
            ask(server, subject)
            size = sum(path.stat().st_size for path in folder.iterdir() if path.exists())
            assert size <= 5 << 20
        assert events(server, "evicted") > 0
    assert 3 << 20 < sum(path.stat().st_size for path in folder.iterdir()) <= 5 << 20


def test_another_model_name_or_tenant_finds_nothing(tmp_path, start, folder):
    keys = tmp_path / "keys"
    keys.write_text("first-key-of-two\nsecond-key-of-two\n")
    keys.chmod(0o600)
    with start("--api-key-file", str(keys)) as server:
        server.key = "first-key-of-two"
        first, tokens, _ = ask(server, "river")
    with start("--api-key-file", str(keys)) as server:
        server.key = "second-key-of-two"
        assert ask(server, "river") == (first, tokens, 0)
        server.key = "first-key-of-two"
        assert ask(server, "river") == (first, tokens, (tokens - 1) // 16 * 16)


@pytest.mark.parametrize("case", ["missing", "file", "others", "stranger", "small"])
def test_a_folder_that_cannot_be_used_stops_the_start_with_a_sentence(start, folder, case):
    flags, sentence = (), {
        "missing": "there is no folder",
        "file": "Not a directory",
        "others": "holds other files",
        "stranger": "belongs to user",
        "small": "raise it",
    }[case]
    if case == "missing":
        folder.rmdir()
    elif case == "file":
        folder.rmdir()
        folder.write_text("text")
    elif case == "others":
        (folder / "thesis.tex").write_text("mine")
    elif case == "stranger":
        if os.geteuid() != 0:
            pytest.skip("only root gives folders away")
        os.chown(folder, 12345, 12345)
    elif case == "small":
        flags = ("--kv-directory-mib", "0")
        sentence = "kv_directory_mib"
    with pytest.raises(AssertionError, match="the server ended with [12]") as ended:
        start(*flags).__enter__()
    assert sentence in str(ended.value)
