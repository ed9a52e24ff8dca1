"""Readers of the two streaming transports. They keep every event as it came, with the time of its arrival."""

import json
import threading
import time
from dataclasses import dataclass, field

import requests
from troupe_server import scaled
from websockets.sync.client import connect

TERMINAL = ("response.completed", "response.incomplete", "response.failed")


@dataclass
class Stream:
    """What one client saw of one response."""

    events: list = field(default_factory=list)
    times: list = field(default_factory=list)  # time.monotonic() of each event
    done: bool = False                          # [DONE] came (SSE only)
    status: int | None = None                   # of HTTP
    problem: object = None                      # a refusal's body, or an exception

    def add(self, event: dict) -> None:
        self.times.append(time.monotonic())
        self.events.append(event)

    @property
    def text(self) -> str:
        return "".join(e["delta"] for e in self.events if e["type"] == "response.output_text.delta")

    @property
    def terminal(self) -> dict | None:
        return self.events[-1] if self.events and self.events[-1]["type"] in TERMINAL else None

    @property
    def deltas(self) -> int:
        return sum(e["type"] == "response.output_text.delta" for e in self.events)

    def outline(self) -> list:
        """All of the stream that must be equal in another run of the same request."""
        return [(e["type"], e["sequence_number"], e.get("delta"), e.get("text")) for e in self.events]

    def longest_pause_s(self) -> float:
        return max((b - a for a, b in zip(self.times, self.times[1:])), default=0.0)


def sse_messages(response: requests.Response):
    """(event, data) of each message, as soon as it is there."""
    buffer = b""
    for piece in response.iter_content(None):
        buffer += piece
        while b"\n\n" in buffer:
            message, buffer = buffer.split(b"\n\n", 1)
            fields = dict(line.split(": ", 1) for line in message.decode().split("\n") if not line.startswith(":"))
            if fields:
                yield fields.get("event"), fields["data"]
    assert buffer == b"", f"the stream ended inside a message: {buffer[-200:]!r}"


def read_responses_sse(server, body: dict, stream: Stream | None = None) -> Stream:
    """POST /v1/responses with stream: true."""
    stream = stream or Stream()
    with requests.post(server.url + "/v1/responses", json={**body, "stream": True}, headers=server.headers,
                       stream=True, timeout=scaled(60)) as response:
        stream.status = response.status_code
        if response.status_code != 200:
            stream.problem = response.json()
            return stream
        for name, data in sse_messages(response):
            assert not stream.done, "a message after [DONE]"
            if data == "[DONE]":
                stream.done = True
                continue
            event = json.loads(data)
            assert name == event["type"]
            stream.add(event)
    return stream


def read_turn(socket, body: dict, stream: Stream | None = None) -> Stream:
    """One response.create on an open WebSocket, to its terminal event or its error envelope."""
    stream = stream or Stream()
    socket.send(json.dumps({"type": "response.create", **body}))
    while stream.terminal is None:
        event = json.loads(socket.recv(timeout=scaled(60)))
        if event["type"] == "error":
            stream.problem = event
            return stream
        stream.add(event)
    return stream


def open_socket(server, **more):
    return connect(server.url.replace("http", "ws") + "/v1/responses", additional_headers=server.headers,
                   open_timeout=scaled(10), close_timeout=5, max_size=16 * 1024 * 1024, **more)


def read_responses_websocket(server, body: dict, stream: Stream | None = None) -> Stream:
    with open_socket(server) as socket:
        return read_turn(socket, body, stream)


class Company:
    """Several streams at once, each in a thread of its own; every second one over a WebSocket."""

    def __init__(self, server, bodies: list):
        self.streams = [Stream() for _ in bodies]
        readers = [read_responses_sse, read_responses_websocket]
        self.threads = [threading.Thread(target=self._run, args=(readers[i % 2], server, body, self.streams[i]), daemon=True)
                        for i, body in enumerate(bodies)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _run(reader, server, body, stream) -> None:
        try:
            reader(server, body, stream)
        except Exception as problem:  # the test looks at it in the main thread
            stream.problem = problem

    def wait_for_deltas(self, count: int, within_s: float) -> None:
        """Until every stream has this many, or has ended."""
        end = time.monotonic() + scaled(within_s)
        while any(s.deltas < count and s.terminal is None and s.problem is None for s in self.streams):
            assert time.monotonic() < end, f"deltas so far: {[s.deltas for s in self.streams]}"
            time.sleep(0.005)

    def join(self, within_s: float) -> list:
        end = time.monotonic() + scaled(within_s)
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        assert not any(thread.is_alive() for thread in self.threads), \
            f"not ended within {within_s} s; deltas so far: {[s.deltas for s in self.streams]}"
        return self.streams
