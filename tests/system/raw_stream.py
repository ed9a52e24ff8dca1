"""A stream of the Responses door as bytes, so that two readings can be compared as they came."""

import json
import re

import requests
from troupe_server import scaled

VOLATILE = re.compile(rb'(?<=")(resp|msg|strm)_[0-9a-f]{32}(?=")|(?<="created_at":)\d+|(?<="completed_at":)\d+|(?<="cached_tokens":)\d+')


class RawStream:
    """One open SSE answer, read event by event."""

    def __init__(self, response: requests.Response):
        self.response = response
        self.pieces = response.iter_content(None)
        self.buffer = b""

    def read_event(self) -> bytes:
        """The next event with its blank line, comments skipped; empty at the end."""
        while True:
            while b"\n\n" not in self.buffer:
                piece = next(self.pieces, b"")
                if not piece:
                    assert self.buffer == b"", f"it ended inside an event: {self.buffer[-200:]!r}"
                    return b""
                self.buffer += piece
            event, self.buffer = self.buffer.split(b"\n\n", 1)
            if not event.startswith(b":"):
                return event + b"\n\n"

    def read_events(self, count: int) -> bytes:
        return b"".join(self.read_event() for _ in range(count))

    def read_rest(self) -> bytes:
        rest = b""
        while event := self.read_event():
            rest += event
        return rest

    def close(self) -> None:
        self.response.close()


def create(server, body: dict, headers: dict | None = None) -> RawStream:
    response = requests.post(server.url + "/v1/responses", json={**body, "stream": True},
                             headers=headers or server.headers, stream=True, timeout=scaled(60))
    assert response.status_code == 200, response.text
    return RawStream(response)


def try_resume(server, response_id: str, after: int | None = None, token: str = "", headers: dict | None = None):
    query = {"stream": "true"} | ({} if after is None else {"starting_after": after}) | (
        {"stream_token": token} if token else {})
    return requests.get(f"{server.url}/v1/responses/{response_id}", params=query, headers=headers or server.headers,
                        stream=True, timeout=scaled(60))


def resume(server, response_id: str, after: int | None = None, token: str = "") -> RawStream:
    response = try_resume(server, response_id, after, token)
    assert response.status_code == 200, response.text
    return RawStream(response)


def event_of(raw: bytes) -> dict:
    return json.loads(raw.split(b"\n")[1].removeprefix(b"data: "))


def begin_of(raw: bytes) -> tuple:
    """(id, stream token) from the `response.created` that a stream begins with."""
    created = event_of(raw)["response"]
    return created["id"], created["stream_token"]


def without_chance(raw: bytes) -> bytes:
    """The bytes without ids, token, times and what was cached, which differ in every response."""
    return VOLATILE.sub(b"*", raw)
