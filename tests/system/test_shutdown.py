"""Row 30 of the fault table: SIGTERM. Unready at once, running answers end, exit 0."""

import signal
import socket
import subprocess
import time

import check_events
from streams import Company
from troupe_server import BINARY, MODEL, ROOT, clean_environment, scaled


def test_running_answers_end_first(start_server):
    server = start_server()
    company = Company(server, [{"input": "Write a story.", "temperature": 0.8, "seed": n, "max_output_tokens": 100}
                               for n in range(3)])
    company.wait_for_deltas(3, 20)
    server.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + scaled(2)
    while server.ready_status() == 200:
        assert time.monotonic() < end, "still ready after SIGTERM"
        time.sleep(0.02)
    for stream in company.join(30):
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
        assert stream.terminal["type"] in ("response.completed", "response.incomplete")
    assert server.process.wait(scaled(30)) == 0


def test_an_idle_server_ends_at_once(start_server):
    server = start_server()
    begin = time.monotonic()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(scaled(10)) == 0
    assert time.monotonic() - begin < scaled(3)


def test_a_taken_port_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        run = subprocess.run([BINARY, "serve", "--model", MODEL, "--port", port], cwd=ROOT, env=clean_environment(),
                             capture_output=True, text=True, timeout=30)
    assert run.returncode == 1
    assert port in run.stderr
