"""/metrics, read by Prometheus' own parser, and what it says about pages and requests."""

import http.client
import json
import time

import pytest
from troupe_server import scaled


def test_families_and_counters(server):
    before = server.metrics()
    names = {family.name for family in before.families}
    assert len(names) >= 20, sorted(names)
    assert all(family.documentation for family in before.families)
    assert sum(name.startswith("troupe_") for name in names) >= 20
    answer = server.chat("What is the capital of France?", max_tokens=40)
    after = server.metrics()
    grown = {sample.name for family in after.families if family.type in ("counter", "histogram")
             for sample in family.samples
             if sample.value > before.total(sample.name, **sample.labels)}
    assert any("request" in name for name in grown), sorted(grown)
    tokens = [name for name in grown if "token" in name and name.endswith("_total")]
    assert tokens, sorted(grown)
    made = answer["usage"]["completion_tokens"]
    # The canary's tokens are nobody's: a counter of tokens moves by exactly the answer's.
    assert any(after.total(name) - before.total(name) == made for name in tokens), \
        {name: after.total(name) - before.total(name) for name in tokens}


def used_pages(server) -> float:
    metrics = server.metrics()
    assert metrics.has("troupe_kv_pages")
    return metrics.total("troupe_kv_pages", state="used")


def wait_for_pages(server, baseline, within_s):
    end = time.monotonic() + scaled(within_s)
    while (used := used_pages(server)) != baseline and time.monotonic() < end:
        time.sleep(0.02)
    assert used == baseline, f"{used} pages used {within_s} s later, {baseline} before"


def idle_pages(server) -> float:
    """Pages in use with nobody there: what the tests before left has ended."""
    wait_for_pages(server, 0, 2)
    return 0


def test_pages_come_back_after_an_answer(server):
    baseline = idle_pages(server)
    server.chat("What is the capital of France?", max_tokens=40)
    wait_for_pages(server, baseline, 1)


@pytest.mark.parametrize("path, fields", [
    ("/v1/chat/completions", {"stream": True, "max_tokens": 1500}),
    ("/v1/chat/completions", {"max_tokens": 1500}),
    ("/v1/responses", {"store": False, "max_output_tokens": 1500}),
])
def test_a_client_that_goes_away_frees_its_pages(server, path, fields):
    """Row 21 of the fault table: cancelled, and all pages free, within a second. (A response that its client can
    come back for ends with its window: test_responses_wire.py.)"""
    baseline = idle_pages(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=scaled(30))
    question = "Count from 1 to 1000, one number a line."
    said = {"messages": [{"role": "user", "content": question}]} if "chat" in path else {"input": question}
    connection.request("POST", path, json.dumps({**said, **fields, "temperature": 0}),
                       {"Content-Type": "application/json"})
    if "stream" in fields:
        assert connection.getresponse().read(2000)
    end = time.monotonic() + scaled(20)
    while used_pages(server) == baseline:
        assert time.monotonic() < end, "the request took no pages"
        time.sleep(0.01)
    connection.sock.close() if connection.sock else None
    connection.close()
    wait_for_pages(server, baseline, 1)
