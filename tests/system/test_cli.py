"""The program itself: its commands, its exit codes, and a sentence wherever it refuses."""

import re
import subprocess
import sys

import pytest
from troupe_server import BINARY, MODEL, ROOT, clean_environment, scaled


def troupe(*arguments, **more):
    more.setdefault("timeout", scaled(60))
    more.setdefault("stdin", subprocess.DEVNULL if "input" not in more else None)
    if "input" in more:
        del more["stdin"]
    return subprocess.run([BINARY, *map(str, arguments)], cwd=ROOT, env={**clean_environment(), **more.pop("env", {})},
                          capture_output=True, text=True, **more)


def test_version():
    run = troupe("--version")
    assert run.returncode == 0 and re.search(r"\d+\.\d+\.\d+", run.stdout)


def test_help_names_the_commands():
    run = troupe("--help")
    assert run.returncode == 0
    for command in ("serve", "chat", "generate", "bench"):
        assert command in run.stdout
        assert troupe(command, "--help").returncode == 0


def test_generate():
    run = troupe("generate", "--model", MODEL, "--temperature", "0", "--max-tokens", "40",
                 "What is the capital of France?")
    assert run.returncode == 0, run.stderr
    assert "Paris" in run.stdout


def test_chat_reads_a_pipe():
    run = troupe("chat", "--model", MODEL, "--temperature", "0", "--max-tokens", "40",
                 input="What is the capital of France?\n")
    assert run.returncode == 0, run.stderr
    assert "Paris" in run.stdout


def test_print_config(tmp_path):
    config = tmp_path / "troupe.toml"
    config.write_text("[server]\nport = 1234\n[engine]\nmax_batch_size = 5\n")
    run = troupe("serve", "--config", config, "--print-config", "--max-batch-size", "7", env={"TROUPE_THREADS": "1"})
    assert run.returncode == 0, run.stderr
    assert re.search(r"^port = 1234\b", run.stdout, re.M)
    assert re.search(r"^max_batch_size = 7\b", run.stdout, re.M), "a flag goes before the file"
    assert re.search(r"^threads = 1\b", run.stdout, re.M)
    again = tmp_path / "again.toml"
    again.write_text(run.stdout)
    assert troupe("serve", "--config", again, "--print-config").returncode == 0, "what it prints, it reads"


def one_sentence(run, code, *words):
    assert run.returncode == code, (run.returncode, run.stderr)
    text = run.stderr.strip()
    assert text and "terminate called" not in text and "what():" not in text
    assert len(text.splitlines()) <= 4
    for word in words:
        assert word in text


@pytest.mark.parametrize("text, word", [
    ("[server]\nprot = 1\n", "prot"), ("[sever]\nport = 1\n", "sever"), ("[server]\nport = 99999\n", "port"),
    ("[server]\nport = 'x'\n", "port"), ("[server\n", "troupe.toml")])
def test_a_wrong_settings_file(tmp_path, text, word):
    config = tmp_path / "troupe.toml"
    config.write_text(text)
    one_sentence(troupe("serve", "--config", config), 2, word)


def test_wrong_flags():
    one_sentence(troupe("serve", "--no-such-flag"), 2, "no-such-flag")
    one_sentence(troupe("serve", "--port", "99999"), 2, "port")
    one_sentence(troupe("no-such-command"), 2)
    assert troupe().returncode == 2
    one_sentence(troupe("serve", env={"TROUPE_NO_SUCH_SETTING": "1"}), 2, "TROUPE_NO_SUCH_SETTING")


def damaged(tmp_path, how):
    path = tmp_path / "model.gguf"
    if how == "empty":
        path.write_bytes(b"")
        return path
    data = bytearray(MODEL.read_bytes()[: 1 << 20 if how != "cut late" else 60 << 20])
    if how == "magic":
        data[:4] = b"XXXX"
    if how == "huge count":
        data[8:16] = b"\xff" * 8  # number of tensors
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["empty", "magic", "cut early", "cut late", "huge count"])
@pytest.mark.parametrize("command", ["serve", "generate"])
def test_a_damaged_model(tmp_path, command, how):
    path = damaged(tmp_path, how)
    arguments = ["--port", "0"] if command == "serve" else ["Hello"]
    run = troupe(command, "--model", path, *arguments, timeout=20)
    assert run.returncode == 1, (run.returncode, run.stderr)
    assert str(path) in run.stderr or "model" in run.stderr.lower()
    assert "terminate called" not in run.stderr


def test_a_missing_model(tmp_path):
    one_sentence(troupe("generate", "--model", tmp_path / "none.gguf", "Hello"), 1, "none.gguf")


def test_the_checker_is_a_program(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"type": "response.created", "sequence_number": 0, "response": {}}\n')
    run = subprocess.run([sys.executable, ROOT / "tests/system/check_events.py", log], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and "no terminal event" in run.stdout
