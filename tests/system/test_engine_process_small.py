"""An engine in a process of its own, on a scale that sanitizers bear: the rest is in test_engine_process.py."""

import os
import signal

import check_events
from streams import Company
from test_engine_process import engine_pid, engine_pids, state_of, wait_until_gone, wait_until_ready
from troupe_server import scaled

BODIES = [{"input": f"Count to {number}.", "temperature": 0.8, "seed": number, "max_output_tokens": 24}
          for number in (5, 7)]


def test_it_is_killed_comes_back_and_goes_with_its_front(start_server, server):
    split = start_server("--engine-process", "--fault-injection")
    undisturbed = Company(server, BODIES).join(60)
    first = engine_pid(split)
    company = Company(split, BODIES)
    company.wait_for_deltas(3, 40)
    os.kill(first, signal.SIGKILL)
    for stream, wanted in zip(company.join(80), undisturbed):
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
        assert check_events.check_equal(stream.events, wanted.events) == []
    wait_until_ready(split)
    second = engine_pid(split)
    assert second != first and state_of(first) is None
    assert split.metrics().total("troupe_actor_restarts_total", actor="engine_process") == 1

    assert split.inject("executor", "throw").ok
    assert "Paris" in split.chat("What is the capital of France?", max_tokens=40)["choices"][0]["message"]["content"]
    assert engine_pids(split) == [second], "an actor's end is no process's"

    split.process.send_signal(signal.SIGTERM)
    assert split.process.wait(scaled(30)) == 0
    wait_until_gone(second, 1)
    assert "Sanitizer" not in split.log()
