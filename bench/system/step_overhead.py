#!/usr/bin/env python3
"""What the actors add to one step: the gap between the end of a step and the begin of the next, while streams run.

In the gap the executor's result goes to the batcher, the batcher plans, and the plan goes back. Reads `step_ended`
lines of the debug log of a real `troupe serve` (policy `sharing`), once with one core left to the actors and once
with none. Usage, from the repository's top: .venv/bin/python bench/system/step_overhead.py [tokens]
"""

import concurrent.futures
import re
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
from troupe_server import TroupeServer  # noqa: E402

ROUNDS = 5  # an answer may end early, and only steps with all streams count
LINE = re.compile(r" step_ended .*sequences=(\d+) .*step_us=(\d+) gap_us=(\d+)")


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(threads: int, streams: int, tokens: int) -> tuple[int, ...]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with TroupeServer(log, "--threads", str(threads), "--log-level", "debug") as server:
            def ask(number: int) -> None:
                server.post("/v1/chat/completions", {
                    "messages": [{"role": "user", "content": f"Write a very long story, number {number}."}],
                    "max_tokens": tokens, "temperature": 1.0, "seed": number, "stream": False}).raise_for_status()
            with concurrent.futures.ThreadPoolExecutor(streams) as pool:
                for round_ in range(ROUNDS):
                    list(pool.map(ask, range(round_ * streams, (round_ + 1) * streams)))
        steps = [tuple(map(int, found.groups())) for found in map(LINE.search, log.read_text().splitlines()) if found]
    gaps = [gap for sequences, _, gap in steps if sequences == streams and gap > 0]
    times = [time for sequences, time, _ in steps if sequences == streams]
    return len(gaps), int(statistics.median(times)), percentile(gaps, 0.5), percentile(gaps, 0.99)


def main() -> None:
    tokens = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print("| compute threads | streams | steps | step P50 µs | gap P50 µs | gap P99 µs | gap P50 / step |")
    print("|---|---|---|---|---|---|---|")
    for threads in (1, 2):
        for streams in (1, 8, 32):
            count, step, middle, high = measure(threads, streams, tokens)
            print(f"| {threads} | {streams} | {count} | {step} | {middle} | {high} | {100 * middle / step:.1f}% |")


if __name__ == "__main__":
    main()
