#!/usr/bin/env python3
"""What it costs that an engine is a process of its own: tokens per second and the time to the first token, with
--engine-process and without, and what its death costs: from kill -9 to the next token of a stream, and how long the
new process takes to have its model.

Servers take turns, so that a machine that changes its mind touches both alike. Usage, from the repository's top:
.venv/bin/python bench/system/engine_process.py [rounds] [tokens]
"""

import concurrent.futures
import contextlib
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from statistics_of import median_interval, percentile  # noqa: E402
from streams import Company, read_responses_sse, Stream  # noqa: E402
from test_engine_process import engine_pid, wait_until_ready  # noqa: E402
from troupe_server import TroupeServer  # noqa: E402

STREAMS = (1, 8, 32)
KILLS = 5


def body(number: int, tokens: int) -> dict:
    return {"input": f"Write a very long story, number {number}.", "temperature": 1.0, "seed": number,
            "max_output_tokens": tokens}


def one_round(server, streams: int, tokens: int, first: int) -> tuple[float, list[float]]:
    """Tokens per second of all streams, and each one's time to the first token in ms."""
    def ask(number: int) -> tuple[int, float]:
        began, stream = time.monotonic(), Stream()
        read_responses_sse(server, body(number, tokens), stream)
        first_s = next(at for at, event in zip(stream.times, stream.events) if event["type"].endswith("text.delta"))
        return stream.terminal["response"]["usage"]["output_tokens"], 1000 * (first_s - began)

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(streams) as pool:
        answers = list(pool.map(ask, range(first, first + streams)))
    return sum(count for count, _ in answers) / (time.monotonic() - began), [ms for _, ms in answers]


def log_time(line: str) -> float:
    return datetime.fromisoformat(line.split(" ", 1)[0].replace("Z", "+00:00")).timestamp()


def deaths(server) -> tuple[list[float], list[float]]:
    """Of KILLS kills of a server with one stream: the stream's pause, and the time from the end of the old process
    to the engine_up of the new one, in ms."""
    pauses, starts = [], []
    for number in range(KILLS):
        company = Company(server, [body(number, 200)])
        company.wait_for_deltas(20, 60)
        os.kill(engine_pid(server), signal.SIGKILL)
        [stream] = company.join(60)
        pauses.append(1000 * stream.longest_pause_s())
        wait_until_ready(server)
    lines = server.log().splitlines()
    ended = [log_time(line) for line in lines if re.search(r" engine_process_ended ", line)]
    for at in ended:
        up = next(log_time(line) for line in lines if " engine_up " in line and log_time(line) >= at)
        starts.append(1000 * (up - at))
    return pauses, starts


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    tokens = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        common = ("--prefix-cache=false", "--restart-intensity", "100")
        servers = {"inside": stack.enter_context(TroupeServer(folder / "inside.log", *common)),
                   "own process": stack.enter_context(TroupeServer(folder / "own.log", "--engine-process", *common))}
        print("| engine | streams | tokens/s (95%) | first token P50 ms | P99 ms |")
        print("|---|---|---|---|---|")
        for streams in STREAMS:
            rates = {name: [] for name in servers}
            firsts = {name: [] for name in servers}
            for round_ in range(rounds + 1):  # the first warms up
                for name, server in servers.items():
                    rate, first_ms = one_round(server, streams, tokens, 1000 * round_)
                    if round_ > 0:
                        rates[name].append(rate)
                        firsts[name] += first_ms
            for name in servers:
                middle, low, high = median_interval(rates[name])
                print(f"| {name} | {streams} | {middle:.1f} ({low:.1f} to {high:.1f}) | "
                      f"{statistics.median(firsts[name]):.1f} | {percentile(firsts[name], 0.99):.1f} |", flush=True)
        pauses, starts = deaths(servers["own process"])
        print(f"\n{KILLS} kills: a stream's pause P50 {statistics.median(pauses):.0f} ms, max {max(pauses):.0f} ms; "
              f"from the end of the old process to the new engine P50 {statistics.median(starts):.0f} ms, "
              f"max {max(starts):.0f} ms")


if __name__ == "__main__":
    main()
