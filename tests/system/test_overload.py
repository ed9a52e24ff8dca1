"""Rows 23 and 24 of the fault table: more requests than the server takes, and a deadline shorter than the queue."""

import json
import statistics
import threading
import time

import check_events
import pytest
import requests
from process_watch import rss_kib
from streams import Company, Stream, open_socket, read_responses_sse
from troupe_server import TIME_SCALE, TroupeServer, scaled

PLACES = 4
LOAD = 10 * PLACES
REJECT_S = scaled(0.05)
# At this temperature hardly anything ends by itself: all four last longer than the flood.
STORIES = [{"input": f"Write a long story about the number {number}.", "temperature": 2, "seed": number,
            "max_output_tokens": 200} for number in range(PLACES)]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with TroupeServer(tmp_path_factory.mktemp("small") / "server.log", "--requests-max", str(PLACES)) as started:
        yield started


def run_stories(server, meanwhile=lambda: None):
    """(streams, seconds)"""
    begin = time.monotonic()
    company = Company(server, STORIES)
    company.wait_for_deltas(1, 20)
    meanwhile()
    streams = company.join(40)
    for stream in streams:
        assert stream.problem is None, stream.problem
        assert check_events.check_stream(stream.events) == []
    return streams, max(stream.times[-1] for stream in streams) - begin


class Flood:
    """LOAD requests, one after another on one connection, over both routes, and one over a WebSocket."""

    def __init__(self, server):
        self.server, self.took, self.answers, self.running, self.envelope = server, [], [], [], None

    def __call__(self):
        with requests.Session() as session:
            for number in range(LOAD):
                path, body = [("/v1/responses", {"input": "Hi", "max_output_tokens": 16}),
                              ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "stream": True})][number % 2]
                begin = time.monotonic()
                self.answers.append(session.post(self.server.url + path, json=body, timeout=scaled(10)))
                self.took.append(time.monotonic() - begin)
        metrics = self.server.metrics()
        self.running = metrics.total("troupe_num_requests_running") + metrics.total("troupe_num_requests_waiting")
        with open_socket(self.server) as socket:
            socket.send(json.dumps({"type": "response.create", "input": "Hi"}))
            self.envelope = json.loads(socket.recv(timeout=scaled(10)))


@pytest.mark.limit_s(60)
def test_ten_times_the_load(small):
    wanted, alone_s = run_stories(small)
    flood, before = Flood(small), rss_kib(small.process.pid)
    streams, beside_s = run_stories(small, flood)
    for answer in flood.answers:
        assert answer.status_code == 429, answer.text
        error = answer.json()["error"]
        assert (error["code"], error["type"], error["param"]) == ("too_many_requests", "too_many_requests", None)
        assert "retry later" in error["message"]
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(flood.answers) == LOAD
    assert statistics.median(flood.took) < REJECT_S, flood.took
    assert max(flood.took) < 10 * REJECT_S, flood.took
    assert flood.envelope["type"] == "error" and flood.envelope["status"] == 429
    assert flood.running <= PLACES
    # Those inside notice nothing: the same bytes, and not much later.
    for stream, one in zip(streams, wanted):
        assert check_events.check_equal(stream.events, one.events) == []
        assert stream.text == one.text
    assert beside_s < 2 * alone_s + scaled(1), (beside_s, alone_s)
    assert rss_kib(small.process.pid) - before < 32 * 1024 or TIME_SCALE != 1
    assert small.alive() and small.ready_status() == 200
    assert small.chat("Hi", max_tokens=1)["choices"], "a place is free again"


@pytest.mark.limit_s(60)
def test_all_at_once(small):
    """LOAD clients in the same instant: as many as there are places get an answer, the others 429."""
    body = {"input": "Write a story.", "temperature": 0, "max_output_tokens": 60}
    streams, gate = [Stream() for _ in range(LOAD)], threading.Barrier(LOAD)

    def client(stream):
        gate.wait()
        read_responses_sse(small, body, stream)

    threads = [threading.Thread(target=client, args=(stream,), daemon=True) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(scaled(30))
    admitted = [stream for stream in streams if stream.status == 200]
    refused = [stream for stream in streams if stream.status == 429]
    assert len(admitted) + len(refused) == LOAD, [stream.status for stream in streams]
    assert len(admitted) >= PLACES
    for stream in admitted:
        assert stream.terminal and stream.done
        assert check_events.check_stream(stream.events) == []
    assert len({stream.text for stream in admitted}) == 1


DEADLINE_S = scaled(1.2)
LATE_S = scaled(0.1)
QUEUE = 12


@pytest.mark.limit_s(60)
def test_a_deadline_shorter_than_the_queue(start_server):
    server = start_server("--max-batch-size", "1", "--request-timeout-ms", str(round(DEADLINE_S * 1000)))
    # At this temperature none ends by itself within its time, so all behind the first wait until theirs is over.
    body = {"input": "Count from one to ten thousand.", "temperature": 2, "max_output_tokens": 4000}
    streams = [Stream() for _ in range(QUEUE)]
    took = [None] * QUEUE

    def client(number):
        begin = time.monotonic()
        read_responses_sse(server, {**body, "seed": number}, streams[number])
        took[number] = time.monotonic() - begin

    threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(QUEUE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(scaled(20))
    for stream in streams:
        assert stream.status == 200, stream.problem
        assert check_events.check_stream(stream.events) == []
    late = [(stream, seconds) for stream, seconds in zip(streams, took) if stream.terminal["type"] == "response.failed"]
    assert len(late) >= QUEUE - 2, [stream.terminal["type"] for stream in streams]
    for stream, seconds in late:
        error = stream.terminal["response"]["error"]
        assert error["code"] == "deadline_exceeded", error
        assert DEADLINE_S - 0.05 < seconds < DEADLINE_S + LATE_S, seconds
    assert sum(stream.deltas == 0 for stream, _ in late) >= QUEUE - 2, "those behind the first must not have begun"
    # Nobody is computed for after the deadline: what the engine made does not grow, and no page is held.
    counters = ("troupe_generation_tokens_total", "troupe_prompt_tokens_total")
    settled = [server.metrics().total(name) for name in counters]
    time.sleep(scaled(0.5))
    metrics = server.metrics()
    assert [metrics.total(name) for name in counters] == settled
    assert metrics.total("troupe_num_requests_running") + metrics.total("troupe_num_requests_waiting") == 0
    assert metrics.total("troupe_kv_pages", state="used") == 0
    assert server.ready_status() == 200


def test_a_deadline_without_a_stream_is_504(start_server):
    server = start_server("--request-timeout-ms", str(round(DEADLINE_S * 500)))
    body = {"messages": [{"role": "user", "content": "Count to ten."}],
            "temperature": 2, "seed": 1, "max_tokens": 4000}
    begin = time.monotonic()
    answer = server.post("/v1/chat/completions", body)
    assert time.monotonic() - begin < DEADLINE_S / 2 + LATE_S
    assert answer.status_code == 504, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["type"], error["param"]) == ("deadline_exceeded", "server_error", None)
    assert "ask for fewer tokens" in error["message"]
