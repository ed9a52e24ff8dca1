#!/usr/bin/env python3
"""What a long prompt does to the streams that run: their time between tokens while it is prefilled, and without it.

A real `troupe serve`, 8 clients that stream long answers without pause, and a ninth that sends prompts of 6,000 tokens, each
another one. Spans with and without a prompt take turns, so that both see the same contexts. Every pause between two deltas counts
to the span in which it ends. The goal: P99 with a prompt at most 3 times the P99 without, and within engine.step_time_max_ms.
Usage, from the repository's top: .venv/bin/python bench/system/ragged_steps.py [--prompts 6] [--prompt-tokens 6000] [--streams 8]
                                  [--step-time-max-ms 200] [-- FLAGS OF troupe serve]
Exit code 1: the goal was missed.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
from statistics_of import percentile  # noqa: E402
from troupe_server import TroupeServer  # noqa: E402

WORDS = "time year people way day man thing woman life child world school state family group hand part place case week".split()
ANSWER_TOKENS = 1200
RATIO_MAX = 3.0


def deltas(server: TroupeServer, body: dict):
    """time.monotonic() of each delta of a streamed chat completion."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("POST", "/v1/chat/completions", json.dumps({**body, "stream": True}),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    for line in response:
        now = time.monotonic()
        if line.startswith(b"data: {") and b'"content":"' in line and b'"content":""' not in line:
            yield now
    connection.close()


class Runner(threading.Thread):
    """One client that always reads an answer."""

    def __init__(self, server: TroupeServer, number: int):
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.pauses: list[tuple[float, float]] = []  # when it ended, how long
        self.tokens = 0
        self.stopping = False

    def run(self) -> None:
        turn = 0
        while not self.stopping:
            turn += 1
            body = {"messages": [{"role": "user", "content": f"Write a very long story, number {self.number * 1000 + turn}."}],
                    "temperature": 1.0, "seed": self.number * 1000 + turn, "max_tokens": ANSWER_TOKENS}
            before = None
            for at in deltas(self.server, body):
                self.tokens += 1
                if before is not None:
                    self.pauses.append((at, at - before))
                before = at
                if self.stopping:
                    return


def long_prompt(tokens: int, number: int) -> dict:
    dice = random.Random(number)
    return {"messages": [{"role": "user", "content": " ".join(dice.choice(WORDS) for _ in range(tokens))}],
            "temperature": 0, "max_tokens": 1, "seed": number}


def within(runners: list[Runner], spans: list[tuple[float, float]]) -> list[float]:
    """Milliseconds of the pauses that ended in one of the spans."""
    return [1000 * length for runner in runners for at, length in list(runner.pauses)
            if any(begin <= at <= end for begin, end in spans)]


def measure(arguments, server: TroupeServer) -> tuple[list[float], list[float], list[float]]:
    runners = [Runner(server, number) for number in range(arguments.streams)]
    for runner in runners:
        runner.start()
    end = time.monotonic() + 60
    while any(runner.tokens < 20 for runner in runners):
        assert time.monotonic() < end, "the streams did not begin"
        time.sleep(0.02)
    with_prompt, without = [], []
    for number in range(arguments.prompts):
        begin = time.monotonic()
        time.sleep(arguments.quiet_s)
        without.append((begin, time.monotonic()))
        begin = time.monotonic()
        for _ in deltas(server, long_prompt(arguments.prompt_tokens, number)):
            pass
        with_prompt.append((begin, time.monotonic()))
    for runner in runners:
        runner.stopping = True
    for runner in runners:
        runner.join(30)
    return within(runners, without), within(runners, with_prompt), [end - begin for begin, end in with_prompt]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=6)
    parser.add_argument("--prompt-tokens", type=int, default=6000)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--quiet-s", type=float, default=5, help="of each span without a prompt")
    parser.add_argument("--step-time-max-ms", type=int, default=200)
    parser.add_argument("flags", nargs="*", help="more of troupe serve")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with TroupeServer(Path(folder) / "server.log", "--step-time-max-ms", str(arguments.step_time_max_ms),
                          *arguments.flags) as server:
            without, with_prompt, prefills_s = measure(arguments, server)
    print("| time between tokens, ms | P50 | P90 | P99 | most | of |")
    print("|---|---|---|---|---|---|")
    for name, values in (("no prompt waits", without), (f"{arguments.prompt_tokens} tokens are prefilled", with_prompt)):
        print(f"| {name} | {percentile(values, 0.5):.1f} | {percentile(values, 0.9):.1f} | {percentile(values, 0.99):.1f} | "
              f"{max(values):.1f} | {len(values)} |")
    low, high = percentile(without, 0.99), percentile(with_prompt, 0.99)
    print(f"\nP99 with / without: {high / low:.2f} (goal: at most {RATIO_MAX:g}); step_time_max_ms: "
          f"{arguments.step_time_max_ms} (P99 with: {high:.1f} ms); to the prompt's first token: "
          f"{percentile(prefills_s, 0.5):.2f} s")
    return 0 if high <= RATIO_MAX * low and high <= arguments.step_time_max_ms else 1


if __name__ == "__main__":
    sys.exit(main())
