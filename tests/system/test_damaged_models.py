"""Damaged model files in front of the real program: exit code 1 and exactly one sentence that says why.

The files are the default model's header with one thing wrong, and zeros where the weights were: a file with holes, so
that each takes no room. The unit tests ([damaged]) have thousands more.
"""

import os
import shutil
import struct
import subprocess

import pytest
from test_cli import troupe
from troupe_server import BINARY, MODEL, ROOT, clean_environment

HEADER_BYTES = 4 << 20  # more than the header has


@pytest.fixture(scope="module")
def header():
    with open(MODEL, "rb") as file:
        return file.read(HEADER_BYTES)


def place_of(header: bytes, name: str) -> int:
    """Where what follows a key or a tensor's name begins; the length stands in front of the name."""
    mark = struct.pack("<Q", len(name)) + name.encode()
    at = header.find(mark)
    assert at >= 0, name
    return at + len(mark)


def value(key, layout, number):
    def change(data):
        struct.pack_into(layout, data, place_of(data, key) + 4, number)  # behind the type
    return change


def at(offset, layout, number):
    return lambda data: struct.pack_into(layout, data, offset, number)


def in_array(key, layout, number, skip):
    """Behind a type: the elements' type, their count, the first one."""
    return lambda data: struct.pack_into(layout, data, place_of(data, key) + 4 + skip, number)


def in_tensor(name, layout, number, skip):
    """Behind a name: dimensions (4 bytes), two extents (8 each), the type (4), the offset (8)."""
    return lambda data: struct.pack_into(layout, data, place_of(data, name) + skip, number)


def replace(old, new):
    def change(data):
        where = data.find(old)
        assert where >= 0 and len(old) == len(new), old
        data[where:where + len(old)] = new
    return change


DAMAGES = {
    "magic": (at(0, "<I", 0), "GGUF"),
    "version 2": (at(4, "<I", 2), "version 2"),
    "big-endian": (at(4, ">I", 3), "big-endian"),
    "2^64 - 1 tensors": (at(8, "<Q", 2**64 - 1), "18446744073709551615 tensors"),
    "2^63 keys": (at(16, "<Q", 2**63), "9223372036854775808 metadata keys"),
    "one key more": (at(16, "<Q", 100), "metadata"),
    "a key of 2^60 bytes": (at(24, "<Q", 2**60), "1152921504606846976 bytes"),
    "a type that is none": (lambda data: struct.pack_into("<I", data, place_of(data, "llama.block_count"), 13), "type 13"),
    "2^60 tokens": (in_array("tokenizer.ggml.tokens", "<Q", 2**60, 4), "1152921504606846976 elements"),
    "a token of 2^31 bytes": (in_array("tokenizer.ggml.tokens", "<Q", 2**31, 12), "2147483648 bytes"),
    "a token kind 9": (in_array("tokenizer.ggml.token_type", "<I", 9, 12), "should be 1 to 6"),
    "no layers": (value("llama.block_count", "<I", 0), "block_count"),
    "2^32 - 1 layers": (value("llama.block_count", "<I", 2**32 - 1), "block_count"),
    "a layer more": (value("llama.block_count", "<I", 31), "blk.30"),
    "no heads": (value("llama.attention.head_count", "<I", 0), "head_count"),
    "7 heads": (value("llama.attention.head_count", "<I", 7), "head"),
    "no context": (value("llama.context_length", "<I", 0), "context_length"),
    "epsilon NaN": (value("llama.attention.layer_norm_rms_epsilon", "<f", float("nan")), "epsilon"),
    "rotation inf": (value("llama.rope.freq_base", "<f", float("inf")), "rope_base"),
    "eos outside": (value("tokenizer.ggml.eos_token_id", "<I", 49152), "eos_token_id"),
    "another architecture": (replace(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0l\n\x1b[m"), "architecture"),
    "a broken template": (replace(b"{% for message", b"{% fir message"), "template"),
    "a dimension 0": (in_tensor("token_embd.weight", "<Q", 0, 4), "dimension"),
    "2^40 tokens": (in_tensor("token_embd.weight", "<Q", 2**40, 12), "token_embd.weight"),
    "a tensor type 99": (in_tensor("token_embd.weight", "<I", 99, 20), "type"),
    "a tensor far away": (in_tensor("blk.0.attn_q.weight", "<Q", 2**62, 24), "blk.0.attn_q.weight"),
    "two tensors in one place": (in_tensor("blk.0.attn_q.weight", "<Q", 0, 24), "overlap"),
    "a tensor's name": (replace(b"blk.3.ffn_up.weight", b"blk.3.ffn_\xffp.weight"), "blk.3.ffn_up.weight"),
}


def refused(path, word, command="generate"):
    arguments = ["--port", "0"] if command == "serve" else ["Hello"]
    run = troupe(command, "--model", path, *arguments, timeout=20)
    assert run.returncode == 1, (run.returncode, run.stderr)
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("troupe: ") and word in lines[0], lines[0]
    assert lines[0].isprintable(), lines[0]
    assert "should not have happened" not in lines[0], lines[0]


def write(path, data):
    path.write_bytes(data)
    os.truncate(path, MODEL.stat().st_size)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_header(header, tmp_path, name):
    change, word = DAMAGES[name]
    data = bytearray(header)
    change(data)
    path = tmp_path / "model.gguf"
    write(path, data)
    refused(path, word, "serve" if len(name) % 2 else "generate")


@pytest.mark.parametrize("size", [0, 3, 30, 5000, 1 << 20, 50 << 20, -1])
def test_a_file_cut_off(header, tmp_path, size):
    path = tmp_path / "model.gguf"
    write(path, header)
    os.truncate(path, size if size >= 0 else MODEL.stat().st_size + size)
    refused(path, "model.gguf", "serve")


def test_what_is_no_file(tmp_path):
    refused(tmp_path, "is a folder", "serve")
    refused("/dev/zero", "not a regular file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a regular file")  # and nobody waits for a writer


def test_a_context_of_millions_costs_nothing(header, tmp_path):
    data = bytearray(header)
    value("llama.context_length", "<I", 1 << 24)(data)
    path = tmp_path / "model.gguf"
    shutil.copyfile(MODEL, path)
    with open(path, "r+b") as file:
        file.write(data)
    run = troupe("generate", "--model", path, "--temperature", "0", "--max-tokens", "10",
                 "What is the capital of France?", timeout=30)
    assert run.returncode == 0, run.stderr
    assert "Paris" in run.stdout


@pytest.mark.release_only
def test_no_memory_is_a_sentence():
    run = subprocess.run(["prlimit", "--as=%d" % (700 << 20), BINARY, "generate", "--model", str(MODEL), "Hello"],
                         cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=30)
    assert run.returncode == 1, (run.returncode, run.stderr)
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1 and "lower kv_cache_mib" in lines[0], run.stderr
