#!/usr/bin/env python3
"""Time to first token of a long prompt: computed, from the prefix cache in memory, and from the KV directory after a restart.

Real `troupe serve` processes over loopback, one prompt a repetition, in interleaved order. Usage, from the repository's top:
.venv/bin/python bench/system/kv_tiers.py [--tokens 4000] [--repeats 9] [--directory FOLDER] [--drop-caches]
FOLDER may be on any mounted file system; it must be empty. --drop-caches (root) empties the kernel's page cache before each read, so that
the disk is measured and not the memory.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
from troupe_server import TroupeServer  # noqa: E402

WORDS = ("river mountain island desert forest valley harbour bridge castle garden winter summer morning evening silver golden "
         "quiet narrow ancient distant").split()


def prompt_of(server: TroupeServer, tokens: int, seed: int) -> str:
    """Words whose chat prompt has about as many tokens; the first ones differ from seed to seed."""
    choose = random.Random(seed)
    words = [choose.choice(WORDS) for _ in range(tokens)]

    def prompt_tokens(count: int) -> int:
        sample = {"messages": [{"role": "user", "content": " ".join(words[-count:])}], "max_tokens": 1, "temperature": 0}
        return server.post("/v1/chat/completions", sample).json()["usage"]["prompt_tokens"]

    few, many = prompt_tokens(100), prompt_tokens(400)  # the chat template has tokens of its own
    return " ".join([f"{seed}"] + words[:int((tokens - few) / ((many - few) / 300)) + 100])


def first_token(server: TroupeServer, prompt: str) -> tuple[float, int, int]:
    """Milliseconds, tokens of the prompt and how many were cached."""
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 4, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True}}
    begin, first, usage = time.monotonic(), None, None
    with requests.post(server.url + "/v1/chat/completions", json=body, stream=True, timeout=600) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines(chunk_size=1):
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if first is None and event["choices"] and event["choices"][0]["delta"].get("content"):
                first = time.monotonic()
            usage = event.get("usage") or usage
    return 1000 * (first - begin), usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--tokens", type=int, default=4000)
    options.add_argument("--repeats", type=int, default=9)
    options.add_argument("--directory")
    options.add_argument("--drop-caches", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.directory or scratch + "/kv"
        Path(folder).mkdir(mode=0o700, exist_ok=True)
        times: dict[str, list[float]] = {"computed": [], "memory": [], "directory": []}
        tokens = pages = 0
        for number in range(given.repeats):
            flags = ("--kv-cache-mib", "512", "--kv-directory", folder)
            with TroupeServer(Path(scratch) / f"{number}a.log", *flags) as server:
                prompt = prompt_of(server, given.tokens, number)
                computed, tokens, cached = first_token(server, prompt)
                assert cached < 64, cached  # the chat template's own tokens
                times["computed"].append(computed)
                memory, _, cached = first_token(server, prompt)
                assert cached > tokens - 17, cached
                times["memory"].append(memory)
            if given.drop_caches:
                Path("/proc/sys/vm/drop_caches").write_text("1")
            with TroupeServer(Path(scratch) / f"{number}b.log", *flags) as server:
                first_token(server, "Hello")
                directory, _, cached = first_token(server, prompt)
                assert cached > tokens - 17, cached
                times["directory"].append(directory)
                pages = int(server.metrics().total("troupe_kv_directory_pages_total", event="hit"))
        print(f"Prompt of {tokens} tokens, {pages} pages read, {given.repeats} repetitions, median (least to most) in ms:\n")
        print("| first token after | ms | least | most |\n|---|---|---|---|")
        for name, values in times.items():
            print(f"| {name} | {statistics.median(values):.0f} | {min(values):.0f} | {max(values):.0f} |")


if __name__ == "__main__":
    main()
