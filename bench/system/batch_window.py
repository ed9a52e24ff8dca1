#!/usr/bin/env python3
"""The adaptive batching window against a fixed one of 50 ms and against none, from an idle machine to an overloaded one.

Open loop: `troupe bench serve` sends Poisson arrivals at six rates, shares of the capacity that is measured first. A run is one fresh
`troupe serve`, one window, one rate; the three windows of a round get the same arrivals and prompts, in an order that turns. Every run is
a line in --results, so that the same command goes on where it was ended. At the end, or with --report alone, it prints for each rate
the medians over the rounds with 95% intervals (bootstrap), the share of the time in which the executor computed (the sum of
troupe_step_seconds over the run's time), and the median of the paired differences between adaptive and the better of the other two.
Usage, from the repository's top: .venv/bin/python bench/system/batch_window.py [--minutes 10] [--rounds 9] [--results FILE] [--report]
Exit code 1: adaptive is worse than the better of the two somewhere, beyond the interval.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
from load_tool import bench_serve  # noqa: E402
from statistics_of import median_interval  # noqa: E402
from troupe_server import TroupeServer  # noqa: E402

WINDOWS = {"adaptive": ("adaptive", 50), "fixed": ("fixed", 50), "none": ("adaptive", 0)}
SHARES = (0.05, 0.2, 0.4, 0.7, 0.95, 1.2)  # of the capacity
WEIGHTS = (2.0, 1.2, 0.8, 0.7, 0.65, 0.65)  # of a run's time: few arrivals need longer; the mean is 1
RUN_OVERHEAD_S = 1.3                         # start, first request, drain, end
LOAD = ("--prompt-tokens", "uniform:16:48", "--max-tokens", "uniform:8:24")


def serve(folder: Path, window: str) -> TroupeServer:
    kind, milliseconds = WINDOWS[window]
    server = TroupeServer(folder / "server.log", "--batch-window", kind, "--batch-window-ms", str(milliseconds),
                          "--requests-max", "4096")
    server.wait_ready_poll_s = 0.02
    return server


def capacity(folder: Path) -> float:
    """Requests per second with as many in flight as a step has places."""
    with serve(folder, "none") as server:
        report = bench_serve(server, folder, "--concurrency", "32", "--requests", "160", *LOAD)
    assert report["exit_code"] == 0, report["printed"]
    return report["result"]["requests_per_s"]


def one_run(folder: Path, window: str, rate: float, seconds: float, seed: int) -> dict:
    with serve(folder, window) as server:
        server.chat("Hello.", max_tokens=4)  # pages of the weights that no step has touched yet
        before, begun = server.metrics().total("troupe_step_seconds_sum"), time.monotonic()
        report = bench_serve(server, folder, "--rate", f"{rate:.4f}", "--duration", f"{seconds:.3f}", "--seed", str(seed), *LOAD)
        wall = time.monotonic() - begun
        busy = server.metrics().total("troupe_step_seconds_sum") - before
    result = report["result"]
    assert report["exit_code"] == 0, report["printed"]
    return {"latency_ms": result["end_to_end_ms"]["p50"], "first_token_ms": result["first_token_ms"]["p50"],
            "tokens_per_s": result["output_tokens"] / wall, "busy": busy / wall, "requests": result["completed"]}


def read(path: Path) -> list[dict]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def append(path: Path, record: dict) -> None:
    with open(path, "a") as file:
        file.write(json.dumps(record) + "\n")


def run_all(arguments, folder: Path) -> None:
    records = read(arguments.results)
    base_s = max(0.5, 60 * arguments.minutes / (arguments.rounds * len(SHARES) * len(WINDOWS)) - RUN_OVERHEAD_S)
    limits = [record["capacity"] for record in records if "capacity" in record]
    if not limits:
        limits = [capacity(folder)]
        append(arguments.results, {"capacity": limits[0]})
    have = {(record["round"], record["rate"], record["window"]) for record in records if "window" in record}
    for round_ in range(arguments.rounds):
        for rate, (share, weight) in enumerate(zip(SHARES, WEIGHTS)):
            for turn in range(len(WINDOWS)):
                window = list(WINDOWS)[(turn + round_ + rate) % len(WINDOWS)]
                if (round_, rate, window) in have:
                    continue
                per_second = share * limits[0]
                # A run without an arrival would say nothing.
                seconds = max(base_s * weight, 3 / per_second)
                found = one_run(folder, window, per_second, seconds, 1000 * round_ + rate)
                append(arguments.results, {"round": round_, "rate": rate, "per_second": per_second, "window": window, **found})
        print(f"round {round_ + 1} of {arguments.rounds}", file=sys.stderr)


def cell(values: list[float], digits: int = 1) -> str:
    middle, low, high = median_interval(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def verdict(runs: dict, key: str, less_is_better: bool) -> tuple[str, bool]:
    """The paired differences to the better of the other two, in percent of it; whether zero or our favour is in the interval."""
    sign = 1 if less_is_better else -1
    other = min(("fixed", "none"), key=lambda name: sign * statistics.median(run[key] for run in runs[name].values()))
    rounds = sorted(set(runs["adaptive"]) & set(runs[other]))
    differences = [100 * (runs["adaptive"][n][key] / runs[other][n][key] - 1) for n in rounds]
    middle, low, high = median_interval(differences)
    fine = low <= 0 if less_is_better else high >= 0
    return f"{middle:+.1f}% ({low:+.1f} to {high:+.1f}) against {other}{'' if fine else ' **worse**'}", fine


def report(path: Path) -> bool:
    records = read(path)
    limit = next((record["capacity"] for record in records if "capacity" in record), 0)
    print(f"capacity (closed loop, 32 in flight): {limit:.2f} requests/s\n")
    fine = True
    tables = (("end-to-end latency, P50, ms", "latency_ms", True, 1), ("time to first token, P50, ms", "first_token_ms", True, 1),
              ("output tokens/s", "tokens_per_s", False, 1), ("busy share of the executor, %", "busy", None, 1))
    for title, key, less_is_better, digits in tables:
        print(f"| {title} | " + " | ".join(WINDOWS) + (" | adaptive, paired |" if less_is_better is not None else " |"))
        print("|---" * (len(WINDOWS) + (1 if less_is_better is None else 2)) + "|")
        for rate, share in enumerate(SHARES):
            runs = {window: {record["round"]: record for record in records
                             if record.get("window") == window and record["rate"] == rate} for window in WINDOWS}
            if not all(runs.values()):
                continue
            scale = 100 if key == "busy" else 1
            cells = [cell([scale * run[key] for run in runs[window].values()], digits) for window in WINDOWS]
            if less_is_better is not None:
                text, good = verdict(runs, key, less_is_better)
                fine = fine and (good or key == "first_token_ms")
                cells.append(text)
            print(f"| {share * limit:.2f} requests/s ({100 * share:.0f}%) | " + " | ".join(cells) + " |")
        print()
    count = len({record["round"] for record in records if "round" in record})
    print(f"Medians of {count} interleaved rounds, 95% intervals by bootstrap.")
    return fine


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10, help="about, for all runs together")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--results", type=Path, default=Path("batch_window.jsonl"))
    parser.add_argument("--report", action="store_true", help="only print what is in --results")
    arguments = parser.parse_args()
    if not arguments.report:
        with tempfile.TemporaryDirectory() as folder:
            run_all(arguments, Path(folder))
    return 0 if report(arguments.results) else 1


if __name__ == "__main__":
    sys.exit(main())
