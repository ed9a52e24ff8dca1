"""`troupe bench serve` against a server of ours, and what is looked at while it runs."""

import json
import subprocess
import threading
import time
from pathlib import Path

from process_watch import rss_kib
from troupe_server import BINARY, ROOT, TroupeServer, clean_environment


def bench_serve(server: TroupeServer, folder: Path, *flags: str, timeout_s: float = 120) -> dict:
    """The report as JSON, with "exit_code" and "printed"."""
    output = folder / f"load{time.monotonic_ns()}.json"
    command = [str(BINARY), "bench", "serve", "--url", server.url, "--output", str(output), *flags]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), timeout=timeout_s, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert output.exists(), done.stdout
    return json.loads(output.read_text()) | {"exit_code": done.returncode, "printed": done.stdout}


class ServerWatch:
    """Memory and queue of a server, sampled on a thread of its own while it is a context."""

    def __init__(self, server: TroupeServer, every_s: float = 0.5):
        self.server = server
        self.every_s = every_s
        self.begun = time.monotonic()
        self.samples: list[dict] = []  # at_s, rss_kib, running, waiting, entries
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.sample_all)

    def sample_all(self) -> None:
        while not self.stopped.wait(self.every_s):
            metrics = self.server.metrics()
            self.samples.append({
                "at_s": time.monotonic() - self.begun,
                "rss_kib": rss_kib(self.server.process.pid),
                "running": metrics.total("troupe_num_requests_running"),
                "waiting": metrics.total("troupe_num_requests_waiting"),
                "entries": metrics.total("troupe_ledger_entries"),
            })

    def __enter__(self) -> "ServerWatch":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopped.set()
        self.thread.join(30)

    def most(self, what: str) -> float:
        return max(sample[what] for sample in self.samples)

    def growth_kib(self) -> float:
        """How much more memory the last third of the samples has, on average, than the second."""
        third = len(self.samples) // 3
        mean = lambda part: sum(sample["rss_kib"] for sample in part) / len(part)  # noqa: E731
        return mean(self.samples[2 * third:]) - mean(self.samples[third:2 * third])
