"""Row 15 of the fault table: a request that kills its engine, among 31 others. The 31 finish, and it is quarantined."""

import time

import check_events
import pytest
from streams import Company
from troupe_server import TroupeServer, scaled

pytestmark = pytest.mark.release_only  # minutes under a sanitizer; tests/sim has the same over a small model

COUNT = 32
POISON = 19
BODIES = [{"input": f"Say something about the number {number}.", "temperature": 0.8, "seed": 1000 + number,
           "max_output_tokens": 16} for number in range(COUNT)]
# Seven fatal steps: 32, 16, 8, 4, 2, 1, 1. After each, all streams prefill what they have once more.
FATAL_STEPS_MAX = 7
WITHIN_S = 90


@pytest.fixture(scope="module", params=["inside", "own_process", "own_process_dies"])
def server_with_faults(tmp_path_factory, request):
    """With what a poison kills: the executor, or the engine's whole process."""
    # The restart intensity is the default, 5 in 10 s: finding one poison must not use it up.
    flags = () if request.param == "inside" else ("--engine-process",)
    with TroupeServer(tmp_path_factory.mktemp("suspects") / "server.log", "--fault-injection", *flags) as started:
        started.poisoned_part = "engine" if request.param == "own_process_dies" else "executor"
        yield started


def restarts_of(server) -> float:
    """An engine's process tells what it counts a moment later."""
    time.sleep(0.5)
    return server.metrics().total("troupe_actor_restarts_total")


def test_31_finish_and_one_is_quarantined(server_with_faults):
    server = server_with_faults
    undisturbed = Company(server, BODIES).join(WITHIN_S)
    assert all(stream.terminal and stream.terminal["type"] != "response.failed" for stream in undisturbed)

    answer = server.post("/admin/faults", {"part": server.poisoned_part, "fault": "poison", "seed": 1000 + POISON})
    assert answer.status_code == 202, answer.text
    restarts = restarts_of(server)
    begin = time.monotonic()
    streams = Company(server, BODIES).join(WITHIN_S)
    assert time.monotonic() - begin < scaled(WITHIN_S)

    for number, (stream, wanted) in enumerate(zip(streams, undisturbed)):
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
        if number != POISON:
            assert check_events.check_equal(stream.events, wanted.events) == []
            assert stream.text == wanted.text
            continue
        assert stream.terminal["type"] == "response.failed"
        error = stream.terminal["response"]["error"]
        assert error["code"] == "request_quarantined"
        assert "crashed twice" in error["message"]
        assert stream.deltas == 0  # it crashed in its first step

    crashes = restarts_of(server) - restarts
    assert 2 <= crashes <= FATAL_STEPS_MAX
    assert server.alive() and server.ready_status() == 200
    assert "Paris" in server.chat("What is the capital of France?", max_tokens=40)["choices"][0]["message"]["content"]


def test_alone_it_is_quarantined_after_two_crashes(server_with_faults):
    server = server_with_faults
    server.post("/admin/faults", {"part": server.poisoned_part, "fault": "poison", "seed": 77})
    restarts = restarts_of(server)
    refused = server.post("/v1/responses", {"input": "Hello.", "seed": 77})
    assert refused.status_code == 500
    assert refused.json()["error"]["code"] == "request_quarantined"
    assert restarts_of(server) - restarts == 2
    assert server.post("/v1/responses", {"input": "Hello.", "seed": 78, "max_output_tokens": 16}).status_code == 200


@pytest.mark.parametrize("body", [{"part": "executor", "fault": "poison", "seed": "x"},
                                  {"part": "executor", "fault": "poison", "seed": 1, "more": 2}])
def test_a_malformed_poison_is_refused(server_with_faults, body):
    assert server_with_faults.post("/admin/faults", body).status_code == 400
