"""Row 1 of the fault table on a real process: an actor of the engine dies mid-stream and the streams go on."""

import time

import check_events
import pytest
from streams import Company
from troupe_server import TroupeServer, scaled

pytestmark = pytest.mark.release_only  # minutes under a sanitizer; tests/runtime has the same on a smaller scale

COUNT = 8
TOKENS = 200
# Detection of a death 0.2 s, 0.5 s, and the prefill of what each stream has so far (8 × about 250 tokens).
PAUSE_MAX_S = scaled(0.2 + 0.5 + 4.0)
BODIES = [{"input": f"Write a long story about the number {number}.", "temperature": 0.8, "seed": number,
           "max_output_tokens": TOKENS} for number in range(COUNT)]


@pytest.fixture(scope="module", params=[(), ("--engine-process",)], ids=["inside", "own_process"])
def faulty(tmp_path_factory, request):
    with TroupeServer(tmp_path_factory.mktemp("faulty") / "server.log", "--fault-injection", *request.param) as started:
        yield started


def wait_for_restarts(server, before: float) -> None:
    """An engine's process tells what it counts a moment later."""
    end = time.monotonic() + scaled(2)
    while server.metrics().total("troupe_actor_restarts_total") <= before:
        assert time.monotonic() < end, "nothing was restarted"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(faulty):
    streams = Company(faulty, BODIES).join(80)
    for stream in streams:
        assert stream.problem is None
        assert check_events.check_stream(stream.events) == []
    assert sum(stream.deltas for stream in streams) > COUNT * 50, "too short to be disturbed"
    return streams


@pytest.mark.parametrize("fault", ["throw", "kill"])
@pytest.mark.parametrize("part", ["executor", "batcher", "page_manager"])
def test_streams_go_on(faulty, undisturbed, part, fault):
    restarts = faulty.metrics().total("troupe_actor_restarts_total")
    company = Company(faulty, BODIES)
    company.wait_for_deltas(12, 40)
    assert any(stream.terminal is None for stream in company.streams)
    answer = faulty.inject(part, fault)
    assert answer.ok, answer.text
    streams = company.join(80)
    for stream, wanted in zip(streams, undisturbed):
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
        assert check_events.check_equal(stream.events, wanted.events) == []
        assert stream.text == wanted.text
    wait_for_restarts(faulty, restarts)
    assert max(stream.longest_pause_s() for stream in streams) < PAUSE_MAX_S
    assert faulty.ready_status() == 200
    assert faulty.log().count("model_loaded") == 1, "the weights were loaded again"


def test_an_idle_engine_recovers(faulty):
    restarts = faulty.metrics().total("troupe_actor_restarts_total")
    assert faulty.inject("executor", "throw").ok
    assert "Paris" in faulty.chat("What is the capital of France?", max_tokens=40)["choices"][0]["message"]["content"]
    wait_for_restarts(faulty, restarts)


def test_pages_come_back_after_faults(faulty):
    import test_metrics

    test_metrics.idle_pages(faulty)
    metrics = faulty.metrics()
    pages = {sample.labels["state"]: sample.value for family in metrics.families if family.name == "troupe_kv_pages"
             for sample in family.samples}
    assert pages["used"] == 0 and pages["free"] > 0


@pytest.mark.parametrize("body", [{"part": "nobody", "fault": "throw"}, {"part": "executor", "fault": "tickle"}, {}, []])
def test_an_unknown_fault_is_refused(faulty, body):
    assert faulty.post("/admin/faults", body).status_code == 400
