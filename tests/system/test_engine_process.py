"""Rows 3, 4, 6 and 18 of the fault table on one host: the engine is a process of its own, dies, and nobody notices
but by a pause."""

import os
import random
import signal
import time
from pathlib import Path

import check_events
import pytest
import requests
from streams import Company
from troupe_server import TroupeServer, scaled

pytestmark = pytest.mark.release_only  # under a sanitizer tests/runtime has smaller ones

COUNT = 8
TOKENS = 120
# Detection of a death 0.2 s, 0.5 s, the model is loaded again, and the prefill of 8 × about 200 tokens.
PAUSE_MAX_S = scaled(0.2 + 0.5 + 1.5 + 4.0)
SILENCE_S = 3.0
BODIES = [{"input": f"Write a long story about the number {number}.", "temperature": 0.8, "seed": number,
           "max_output_tokens": TOKENS} for number in range(COUNT)]
FLAGS = ("--engine-process", "--fault-injection", "--restart-intensity", "100")


def engine_pids(server) -> list:
    """The children of the server that live, stopped ones included."""
    out = []
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        out += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in out if state_of(pid) not in (None, "Z")]


def state_of(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def engine_pid(server) -> int:
    end = time.monotonic() + scaled(20)
    while time.monotonic() < end:
        if len(pids := engine_pids(server)) == 1:
            return pids[0]
        time.sleep(0.01)
    raise AssertionError(f"engines: {engine_pids(server)}")


def wait_until_gone(pid: int, within_s: float) -> None:
    end = time.monotonic() + scaled(within_s)
    while state_of(pid) not in (None, "Z"):
        assert time.monotonic() < end, f"process {pid} lives on"
        time.sleep(0.01)


def wait_until_ready(server, within_s: float = 20) -> None:
    end = time.monotonic() + scaled(within_s)
    while server.ready_status() != 200:
        assert time.monotonic() < end, server.log()
        time.sleep(0.02)


def deaths(server) -> float:
    return server.metrics().total("troupe_actor_restarts_total", actor="engine_process")


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    with TroupeServer(tmp_path_factory.mktemp("split") / "server.log", *FLAGS) as started:
        yield started


@pytest.fixture(scope="module")
def undisturbed(server):
    """From a server whose engine is in its own process: the same bytes are wanted."""
    streams = Company(server, BODIES).join(80)
    for stream in streams:
        assert stream.problem is None
        assert check_events.check_stream(stream.events) == []
    assert sum(stream.deltas for stream in streams) > COUNT * 50, "too short to be disturbed"
    return streams


def check_equal(streams, undisturbed):
    for stream, wanted in zip(streams, undisturbed):
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
        assert check_events.check_equal(stream.events, wanted.events) == []
        assert stream.text == wanted.text


def test_the_answer_does_not_depend_on_the_process(split, undisturbed):
    check_equal(Company(split, BODIES).join(80), undisturbed)
    assert deaths(split) == 0


def test_nothing_listens_for_the_engine(split):
    """No port but the API's."""
    pids = [split.process.pid, engine_pid(split)]
    sockets = {os.readlink(entry) for pid in pids for entry in Path(f"/proc/{pid}/fd").iterdir()
               if os.path.lexists(entry) and os.readlink(entry).startswith("socket:")}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                listening.append(int(fields[1].rsplit(":", 1)[1], 16))
    assert listening == [split.port]


def test_secrets_are_not_on_the_command_line(split):
    assert Path(f"/proc/{engine_pid(split)}/cmdline").read_bytes().split(b"\0")[1:] == [b"engine", b""]


def test_the_engine_inherits_no_connection(split):
    """Else a client would not see its connection closed."""
    descriptors = {int(name) for name in os.listdir(f"/proc/{engine_pid(split)}/fd")}
    assert {0, 1, 2, 3} <= descriptors
    inherited = [fd for fd in descriptors if os.readlink(f"/proc/{engine_pid(split)}/fd/{fd}").startswith("socket:")]
    assert inherited == [3]


def test_a_kill_mid_decode(split, undisturbed):
    before = deaths(split)
    company = Company(split, BODIES)
    company.wait_for_deltas(12, 40)
    os.kill(engine_pid(split), signal.SIGKILL)
    streams = company.join(80)
    check_equal(streams, undisturbed)
    assert deaths(split) == before + 1
    assert max(stream.longest_pause_s() for stream in streams) < PAUSE_MAX_S
    assert split.ready_status() == 200


@pytest.mark.parametrize("part, fault", [("engine", "throw"), ("engine", "kill")])
def test_faults_of_the_whole_engine(split, undisturbed, part, fault):
    restarts = split.metrics().total("troupe_actor_restarts_total")
    company = Company(split, BODIES[:4])
    company.wait_for_deltas(8, 40)
    assert split.inject(part, fault).ok
    check_equal(company.join(80), undisturbed[:4])
    end = time.monotonic() + scaled(2)  # the engine's counts come with the next message of them
    while split.metrics().total("troupe_actor_restarts_total") == restarts:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.limit_s(240)
def test_ten_random_kills(split, undisturbed):
    """At any moment: while it loads, while it prefills, between two steps."""
    dice = random.Random(7)
    before, kills, rounds = deaths(split), 0, 0
    while kills < 10:
        company = Company(split, BODIES)
        rounds += 1
        assert rounds <= 10
        while kills < 10 and any(stream.terminal is None and stream.problem is None for stream in company.streams):
            time.sleep(dice.uniform(0.05, 1.2))
            pids = engine_pids(split)
            if pids and any(stream.terminal is None for stream in company.streams):
                os.kill(pids[0], signal.SIGKILL)
                kills += 1
        check_equal(company.join(120), undisturbed)
    wait_until_ready(split)
    assert deaths(split) == before + kills
    assert len(engine_pids(split)) == 1


def test_a_stop_for_ever(split, undisturbed):
    before = deaths(split)
    company = Company(split, BODIES)
    company.wait_for_deltas(12, 40)
    stopped = engine_pid(split)
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    wait_until_gone(stopped, SILENCE_S + 0.6)
    assert time.monotonic() - began > 1.5, "a pause is no silence"
    streams = company.join(80)
    check_equal(streams, undisturbed)
    assert deaths(split) == before + 1
    assert max(stream.longest_pause_s() for stream in streams) < scaled(SILENCE_S) + PAUSE_MAX_S


def test_a_short_stop_is_none(split, undisturbed):
    before = deaths(split)
    company = Company(split, BODIES[:2])
    company.wait_for_deltas(6, 40)
    pid = engine_pid(split)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.0)
    os.kill(pid, signal.SIGCONT)
    check_equal(company.join(80), undisturbed[:2])
    assert deaths(split) == before and engine_pid(split) == pid


def test_a_stopped_front_blames_nobody(split):
    before, pid = deaths(split), engine_pid(split)
    split.process.send_signal(signal.SIGSTOP)
    time.sleep(SILENCE_S + 1)
    split.process.send_signal(signal.SIGCONT)
    assert "Paris" in split.chat("What is the capital of France?", max_tokens=40)["choices"][0]["message"]["content"]
    time.sleep(0.5)
    assert deaths(split) == before and engine_pid(split) == pid


def test_unready_while_it_is_gone_for_long(split):
    """While the engine is stopped no step ends."""
    pid = engine_pid(split)
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + scaled(4)
    while split.ready_status() == 200:
        assert time.monotonic() < end
        time.sleep(0.02)
    wait_until_ready(split)
    wait_until_gone(pid, 1)


def test_metrics_of_the_engine_are_shown(split):
    before = split.metrics()
    split.chat("What is the capital of France?", max_tokens=30)
    end = time.monotonic() + scaled(3)
    names = ("troupe_step_seconds_count", "troupe_iteration_tokens_total_sum", "troupe_batch_size_count",
             "troupe_request_queue_time_seconds_count", "troupe_generation_tokens_total")
    while not (all((after := split.metrics()).total(name) > before.total(name) for name in names)
               and after.total("troupe_kv_pages", state="used") == 0):
        assert time.monotonic() < end, {name: after.total(name) - before.total(name) for name in names}
        time.sleep(0.05)
    assert after.total("troupe_kv_pages", state="free") > 0
    assert after.total("troupe_engine_epoch") >= 1


def test_a_model_is_swapped_and_unloaded(split):
    first = engine_pid(split)
    model = {"path": "models/SmolLM2-135M-Instruct.Q4_1.gguf", "name": "second"}
    assert split.post("/admin/models", model).status_code == 200
    pids = engine_pids(split)
    assert len(pids) == 2 and first in pids
    second = next(pid for pid in pids if pid != first)
    answer = split.chat("What is the capital of France?", max_tokens=40, model="second")
    assert "Paris" in answer["choices"][0]["message"]["content"]
    os.kill(first, signal.SIGKILL)  # its neighbour does not mind
    answer = split.chat("What is the capital of France?", max_tokens=40, model="second")
    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert requests.delete(split.url + "/admin/models/second", timeout=scaled(10)).status_code == 200
    wait_until_gone(second, 20)


def test_a_bad_model_is_refused_and_leaves_nothing(split, tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + b"\0" * 100)
    before = engine_pids(split)
    assert split.post("/admin/models", {"path": str(bad), "name": "bad"}).status_code == 400
    assert engine_pids(split) == before


# -- the end
# ------------------------------------------------------------------------------------------------------------------


def test_sigterm_leaves_no_child(start_server):
    server = start_server("--engine-process")
    pid = engine_pid(server)
    company = Company(server, [{**BODIES[0], "max_output_tokens": 40}])
    company.wait_for_deltas(3, 20)
    server.process.send_signal(signal.SIGTERM)
    [stream] = company.join(30)
    assert check_events.check_stream(stream.events) == []
    assert stream.terminal["type"] in ("response.completed", "response.incomplete")
    assert server.process.wait(scaled(30)) == 0
    assert state_of(pid) is None
    assert "engine_process_ended" not in server.log()


def test_sigterm_to_all_of_them_is_the_front_s_affair(start_server):
    """Service managers signal every process of a service."""
    server = start_server("--engine-process")
    pid = engine_pid(server)
    company = Company(server, [{**BODIES[0], "max_output_tokens": 40}])
    company.wait_for_deltas(3, 20)
    os.kill(pid, signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    [stream] = company.join(30)
    assert stream.terminal["type"] in ("response.completed", "response.incomplete")
    assert server.process.wait(scaled(30)) == 0
    assert state_of(pid) is None


@pytest.mark.parametrize("stopped", [False, True])
def test_a_killed_front_leaves_no_child(start_server, stopped):
    server = start_server("--engine-process")
    pid = engine_pid(server)
    if stopped:
        os.kill(pid, signal.SIGSTOP)
    server.process.kill()
    server.process.wait(scaled(10))
    wait_until_gone(pid, 1)


def test_past_the_intensity_it_is_given_up(start_server):
    server = start_server("--engine-process", "--restart-intensity", "2", "--restart-period-ms", "60000")
    company = Company(server, [{**body, "max_output_tokens": 800} for body in BODIES[:4]])
    company.wait_for_deltas(2, 30)
    for _ in range(3):
        os.kill(engine_pid(server), signal.SIGKILL)
        time.sleep(0.05)
        wait_for_engine_or_end(server)
    for stream in company.join(30):
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
        assert stream.terminal["type"] == "response.failed"
        assert stream.terminal["response"]["error"]["code"] == "engine_failed"
    assert server.alive() and server.ready_status() == 503
    assert server.get("/livez").status_code == 200
    refused = server.post("/v1/responses", {"input": "x"})
    assert refused.status_code == 503 and refused.json()["error"]["code"]
    time.sleep(1.5)
    assert engine_pids(server) == [] and server.ready_status() == 503 and server.alive()
    assert server.log().count("engine_process_ended") == 3


def wait_for_engine_or_end(server) -> None:
    end = time.monotonic() + scaled(20)
    while not engine_pids(server) and "engine_given_up" not in server.log():
        assert time.monotonic() < end, server.log()
        time.sleep(0.01)


def test_a_step_that_hangs_is_ended_at_its_deadline(start_server, undisturbed):
    """Only its process can be ended, not a thread of it. The request that does it twice alone is quarantined."""
    server = start_server("--engine-process", "--fault-injection", "--step-deadline-ms", "1000")
    assert server.post("/admin/faults", {"part": "executor", "fault": "hang", "seed": 666}).status_code == 202
    began = time.monotonic()
    company = Company(server, [BODIES[0], {**BODIES[1], "seed": 666}])
    pid = engine_pid(server)
    wait_until_gone(pid, 1.0 + 1.0 + 1.0)  # deadline + 1 s, and what it takes to begin
    assert time.monotonic() - began > 0.9
    fine, hanging = company.join(60)
    check_equal([fine], undisturbed)
    assert hanging.terminal["type"] == "response.failed"
    assert hanging.terminal["response"]["error"]["code"] == "request_quarantined"
    assert server.log().count("cause=step_too_long") in (2, 3)
    wait_until_ready(server)


def test_the_end_does_not_wait_for_an_engine_that_is_stopped(start_server):
    server = start_server("--engine-process")
    pid = engine_pid(server)
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(scaled(30)) == 0
    assert time.monotonic() - began < scaled(SILENCE_S + 2)
    assert state_of(pid) is None


def test_it_cannot_be_started_by_hand():
    import subprocess

    from troupe_server import BINARY, clean_environment
    run = subprocess.run([BINARY, "engine"], env=clean_environment(), capture_output=True, text=True, timeout=30,
                         stdin=subprocess.DEVNULL)
    assert run.returncode == 2
    assert "--engine-process" in run.stderr
