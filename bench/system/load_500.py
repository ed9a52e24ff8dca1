#!/usr/bin/env python3
"""500 streams at once for ten minutes on two cores: nothing lost, memory flat, the queue bounded, every stream's numbers whole.

A real `troupe serve` and `troupe bench serve` over the Responses API, both on the first two cores. Prints what was asked and what came of it;
leaves load.json, load.html and the server's log in --folder.
Usage, from the repository's top: .venv/bin/python bench/system/load_500.py [--minutes 10] [--streams 500] [--folder load-500]
Exit code 1: something of it did not hold.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/system"))
from load_tool import ServerWatch, bench_serve  # noqa: E402
from process_watch import cpu_s  # noqa: E402
from troupe_server import TroupeServer  # noqa: E402

GROWTH_KIB_MAX = 16 * 1024


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=Path("load-500"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # children have it from us
    places = arguments.streams + 12
    with TroupeServer(arguments.folder / "server.log", "--requests-max", str(places)) as server:
        with ServerWatch(server, every_s=1) as watch:
            clients_before = os.times().children_user + os.times().children_system
            report = bench_serve(
                server, arguments.folder, "--api", "responses", "--concurrency", str(arguments.streams),
                "--duration", str(60 * arguments.minutes), "--warmup", str(6 * arguments.minutes),
                "--prompt-tokens", "lognormal:24:0.6:200", "--max-tokens", "uniform:16:48",
                "--html", str(arguments.folder / "load.html"), timeout_s=60 * arguments.minutes + 900)
            client_s = os.times().children_user + os.times().children_system - clients_before
        metrics = server.metrics()
        server_s = cpu_s(server.process.pid)
    result = report["result"]
    checks = [
        ("no request failed, every stream was whole", result["failed"], 0),
        ("answers that the server finished", metrics.total("troupe_request_success_total"), result["requests"]),
        ("requests left in the ledger", metrics.total("troupe_ledger_entries"), 0),
        ("requests refused", metrics.total("troupe_requests_rejected_total"), 0),
        ("streams at once", result["in_flight_max"], arguments.streams),
    ]
    bounds = [
        ("requests in the ledger at most", watch.most("entries"), places),
        ("waiting for their first step at most", watch.most("waiting"), places),
        ("memory of the last third above the middle third, KiB", watch.growth_kib(), GROWTH_KIB_MAX),
    ]
    print(report["printed"])
    print("| what | is | must be |\n|---|---|---|")
    for what, value, goal in checks:
        print(f"| {what} | {value:g} | {goal:g} |")
    for what, value, most in bounds:
        print(f"| {what} | {value:g} | ≤ {most:g} |")
    print(f"| resident at most, MiB | {watch.most('rss_kib') / 1024:.1f} | |")
    print(f"| processor time of the server / of the client, s | {server_s:.0f} / {client_s:.0f} | |")
    fine = all(value == goal for _, value, goal in checks) and all(value <= most for _, value, most in bounds)
    return 0 if fine and report["exit_code"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
