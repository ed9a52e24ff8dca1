#!/usr/bin/env python3
"""What a user of one node sees: start to ready, memory, time to first token, and the pause when a part of the engine dies.

Real `troupe serve` processes over loopback. Usage, from the repository's top: .venv/bin/python bench/system/first_numbers.py
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
from streams import Company, read_responses_sse  # noqa: E402
from troupe_server import TroupeServer  # noqa: E402

STARTS = 9
QUESTIONS = 100
CRASHES = 9


def row(what: str, values: list[float], unit: str) -> None:
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    print(f"| {what} | {statistics.median(ordered):.1f} | {ordered[0]:.1f} | {high:.1f} | {len(ordered)} | {unit} |")


def resident_mib(server: TroupeServer) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def first_token_ms(server: TroupeServer, number: int) -> float:
    begin = time.monotonic()
    stream = read_responses_sse(server, {"input": f"Name a river, number {number}.", "max_output_tokens": 16, "temperature": 0})
    first = next(at for event, at in zip(stream.events, stream.times) if event["type"] == "response.output_text.delta")
    return 1000 * (first - begin)


def pause_ms(server: TroupeServer, part: str) -> float:
    company = Company(server, [{"input": f"Write a long story about the number {n}.", "temperature": 0.8, "seed": n,
                                "max_output_tokens": 150} for n in range(8)])
    company.wait_for_deltas(30, 40)
    server.inject(part, "kill")
    return 1000 * max(stream.longest_pause_s() for stream in company.join(80))


def main() -> None:
    print("| what | median | least | P99 or most | of | unit |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        starts, fresh, used = [], [], []
        for number in range(STARTS):
            server = TroupeServer(Path(folder) / f"{number}.log")
            server.wait_ready_poll_s = 0.005
            begin = time.monotonic()
            with server:
                starts.append(1000 * (time.monotonic() - begin))
                fresh.append(resident_mib(server))
        row("start to ready", starts, "ms")
        row("resident after the start", fresh, "MiB")
        # The questions begin alike: without the cache, all of each is computed.
        with TroupeServer(Path(folder) / "alone.log", "--prefix-cache=false") as server:
            first_token_ms(server, 0)
            row("time to first token, idle, prompt of about 35 tokens", [first_token_ms(server, n) for n in range(QUESTIONS)], "ms")
        with TroupeServer(Path(folder) / "server.log", "--fault-injection", "--restart-intensity", "1000") as server:
            for part in ("executor", "batcher", "page_manager"):
                row(f"longest pause of 8 streams, {part} killed", [pause_ms(server, part) for _ in range(CRASHES)], "ms")
            used.append(resident_mib(server))
            row("resident after that", used, "MiB")


if __name__ == "__main__":
    main()
