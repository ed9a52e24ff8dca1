"""A peer that sends exactly the bytes it is told to: HTTP and WebSocket without a library that would repair them."""

import base64
import hashlib
import json
import os
import socket
import struct
import time

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: dict, body: bytes):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self) -> str:
        """Of the error object."""
        return json.loads(self.body)["error"]["code"]


def frame(opcode: int, payload: bytes = b"", *, fin=True, rsv=0, mask: bytes | None = b"\x37\xfa\x21\x3d",
          size: int = 0, length: int | None = None) -> bytes:
    """A frame's bytes. rsv: its three bits as a number, RSV1 is 4. size: bytes of the extended length, 0 for the shortest.
    length: what the header says instead of the truth."""
    length = len(payload) if length is None else length
    size = size or (0 if length < 126 else 2 if length < 65536 else 8)
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    small = {0: length, 2: 126, 8: 127}[size]
    head += bytes([(0x80 if mask is not None else 0) | small])
    head += {0: b"", 2: struct.pack(">H", length & 0xFFFF), 8: struct.pack(">Q", length)}[size]
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Peer:
    """A TCP connection to 127.0.0.1. Reads give up `patience_s` after the last `within()`, with socket.timeout."""

    def __init__(self, port: int, patience_s: float = 5.0, receive_buffer: int = 0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.within(patience_s)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def within(self, seconds: float) -> None:
        """All reads from here on end by then."""
        self.end = time.monotonic() + seconds

    def send(self, data: bytes) -> None:
        """A peer that was closed meanwhile shows in what is read."""
        try:
            self.socket.settimeout(10)
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def fill(self) -> bool:
        """False at the end of the stream, by FIN or RST."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise socket.timeout("nothing came in time")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def take(self, count: int) -> bytes | None:
        """None: the stream ended first."""
        while len(self.buffer) < count:
            if not self.fill():
                return None
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def rest(self) -> bytes:
        """Everything until the end of the stream."""
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    # -- HTTP --

    def head(self) -> tuple[int, dict] | None:
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        assert lines[0].startswith("HTTP/1.1 "), lines[0]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split()[1]), headers

    def answer(self) -> Answer | None:
        """One with a Content-Length; None where the connection ended without it."""
        head = self.head()
        if head is None:
            return None
        status, headers = head
        body = self.take(int(headers.get("content-length", 0)))
        return Answer(status, headers, body or b"")

    # -- WebSocket --

    def upgrade(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self.send((f"GET /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        status, headers = self.head()
        assert status == 101, status
        wanted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert headers["sec-websocket-accept"] == wanted
        assert "sec-websocket-extensions" not in headers

    def frame(self) -> tuple[int, bytes] | None:
        """(opcode, payload); None at the end of the stream. The server's frames are whole, bare of RSV bits and of masks."""
        head = self.take(2)
        if head is None:
            return None
        assert head[0] & 0xF0 == 0x80, f"first byte {head[0]:#x}"
        assert head[1] & 0x80 == 0, "a masked frame from a server"
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", self.take(2))[0]
            assert length >= 126
        elif length == 127:
            length = struct.unpack(">Q", self.take(8))[0]
            assert length >= 65536
        return head[0] & 0x0F, self.take(length)
