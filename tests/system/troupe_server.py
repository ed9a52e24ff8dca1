"""A real `troupe serve` process for a test: started on a free port, awaited, ended by its process id."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("TROUPE_TEST_BINARY", ROOT / "build/release/troupe"))
MODEL = Path(os.environ.get("TROUPE_TEST_MODEL", ROOT / "models/SmolLM2-135M-Instruct.Q4_1.gguf"))
# Sanitizers make a server slower: deploy/test.sh then gives every bound on time this factor.
TIME_SCALE = float(os.environ.get("TROUPE_TEST_TIME_SCALE", "1"))


def scaled(seconds: float) -> float:
    """A bound on time, for the build under test."""
    return seconds * TIME_SCALE


READY_WITHIN_S = scaled(30)
END_WITHIN_S = scaled(40)  # longer than the 30 s that a drain may take


def clean_environment() -> dict:
    """Ours without settings of a developer's shell: a TROUPE_* variable is a setting to the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TROUPE_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TroupeServer:
    """Use as a context manager. `flags` follow `troupe serve --model … --host … --port …`."""

    def __init__(self, log_path: Path, *flags: str, key: str | None = None, model: Path = MODEL):
        self.port = free_port()
        self.log_path = log_path
        self.key = key
        self.command = [str(BINARY), "serve", "--model", str(model), "--host", "127.0.0.1",
                        "--port", str(self.port), *flags]
        self.process: subprocess.Popen | None = None
        self.wait_ready_poll_s = 0.05

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def __enter__(self) -> "TroupeServer":
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, cwd=ROOT, env=clean_environment(),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            self.wait_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def wait_ready(self) -> None:
        end = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode} at its start:\n{self.log()}")
            if self.ready_status() == 200:
                return
            time.sleep(self.wait_ready_poll_s)
        raise AssertionError(f"not ready within {READY_WITHIN_S} s:\n{self.log()}")

    def ready_status(self) -> int | None:
        """The status of /readyz; None where nobody listens."""
        try:
            return requests.get(self.url + "/readyz", timeout=scaled(5)).status_code
        except requests.ConnectionError:
            return None

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
                raise AssertionError(f"SIGTERM did not end the server within {END_WITHIN_S} s:\n{self.log()}")

    def alive(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def post(self, path: str, body, **more) -> requests.Response:
        more.setdefault("timeout", scaled(60))
        more.setdefault("headers", self.headers)
        return requests.post(self.url + path, json=body, **more)

    def get(self, path: str, **more) -> requests.Response:
        more.setdefault("timeout", scaled(10))
        more.setdefault("headers", self.headers)
        return requests.get(self.url + path, **more)

    def chat(self, text: str, **fields) -> dict:
        """A greedy chat completion, whole."""
        body = {"messages": [{"role": "user", "content": text}], "temperature": 0, **fields}
        answer = self.post("/v1/chat/completions", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def inject(self, part: str, fault: str) -> requests.Response:
        return self.post("/admin/faults", {"part": part, "fault": fault}, timeout=scaled(10))

    def metrics(self) -> "Metrics":
        from prometheus_client.parser import text_string_to_metric_families

        answer = self.get("/metrics")
        assert answer.status_code == 200, answer.text
        return Metrics(list(text_string_to_metric_families(answer.text)))


class Metrics:
    """One scrape."""

    def __init__(self, families):
        self.families = families

    def total(self, name: str, **labels) -> float:
        """The sum over all samples of this name that carry these labels; 0 where there is none."""
        return sum(sample.value for family in self.families for sample in family.samples
                   if sample.name == name and labels.items() <= sample.labels.items())

    def has(self, name: str) -> bool:
        return any(sample.name == name for family in self.families for sample in family.samples)
