"""Row 2 of the fault table: an engine that keeps failing is given up, in the open."""

import time

import check_events
import pytest
from streams import Company
from troupe_server import scaled


@pytest.mark.parametrize("process", [(), ("--engine-process",)], ids=["inside", "own_process"])
def test_the_supervisor_gives_up(start_server, process):
    server = start_server("--fault-injection", "--restart-intensity", "2", "--restart-period-ms", "20000", *process)
    bodies = [{"input": f"Write a long story about the number {n}.", "temperature": 0.8, "seed": n,
               "max_output_tokens": 800} for n in range(4)]
    company = Company(server, bodies)
    company.wait_for_deltas(2, 30)

    end = time.monotonic() + scaled(20)
    faults = 0
    while server.ready_status() == 200:
        assert time.monotonic() < end, f"still ready after {faults} faults"
        server.inject("executor", "throw")
        faults += 1
        time.sleep(0.25)
    assert faults >= 3, "two restarts are within the intensity"
    assert server.ready_status() == 503

    for stream in company.join(30):
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
        assert stream.terminal["type"] == "response.failed"
        assert stream.terminal["response"]["error"]["code"] and stream.terminal["response"]["error"]["message"]

    assert server.alive()
    assert server.get("/livez").status_code == 200
    refused = server.post("/v1/responses", {"input": "x"})
    assert refused.status_code == 503 and refused.json()["error"]["code"]

    restarts = server.metrics().total("troupe_actor_restarts_total")
    time.sleep(1.5)  # the bound of the table: period + 1 s; a storm would show at once
    assert server.metrics().total("troupe_actor_restarts_total") == restarts
    assert server.ready_status() == 503 and server.alive()
