"""Frames that keep and that break RFC 6455, byte for byte, against the real server.

Each case: what is sent after the upgrade, and what must come back within a second. "turn" is the answer to ASK, which
names a model that nobody serves: 404 says that the message arrived whole and unchanged, a broken one would be 400."""

import json
import os
import struct
import zlib

import pytest
from raw_peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Peer, frame

WITHIN_S = 1.0
ASK_TEXT = '{"type": "response.create", "input": "x", "model": "no-such-model é€😀"}'
ASK = ASK_TEXT.encode()
LONG_ASK = (ASK_TEXT[:-1] + ', "metadata": {"a": "' + "b" * 500 + '"}}').encode()
HUGE_ASK = ASK + b" " * 70_000
MASK = b"\x37\xfa\x21\x3d"


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


def pieces(data: bytes, size: int, opcode: int = TEXT) -> bytes:
    """One message in fragments."""
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(frame(CONTINUATION if i else opcode, part, fin=i == len(parts) - 1) for i, part in enumerate(parts))


def text(*parts: bytes, end=True) -> bytes:
    return b"".join(frame(CONTINUATION if i else TEXT, part, fin=end and i == len(parts) - 1) for i, part in enumerate(parts))


def quoted(data: bytes) -> bytes:
    return b'"' + data + b'"'


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


CASES = {}


def case(name: str, data: bytes | list, *wanted) -> None:
    assert name not in CASES
    CASES[name] = (data if isinstance(data, list) else [data], wanted)


# -- what must work
case("text", frame(TEXT, ASK), "turn")
case("text, 16-bit length", frame(TEXT, LONG_ASK), "turn")
case("text, 64-bit length", frame(TEXT, HUGE_ASK), "turn")
case("mask of zeros", frame(TEXT, ASK, mask=b"\0\0\0\0"), "turn")
case("mask of ones", frame(TEXT, ASK, mask=b"\xff\xff\xff\xff"), "turn")
case("one byte a segment", [bytes([byte]) for byte in frame(TEXT, ASK)], "turn")
case("two messages in one segment", frame(TEXT, ASK) * 2, "turn", "turn")
case("empty text is no request", frame(TEXT), "refused")
case("JSON that is none leaves the connection usable", frame(TEXT, b"{") + frame(TEXT, ASK), "refused", "turn")

# -- masks
case("text without a mask", frame(TEXT, ASK, mask=None), 1002)
case("empty text without a mask", frame(TEXT, mask=None), 1002)
case("ping without a mask", frame(PING, b"x", mask=None), 1002)
case("pong without a mask", frame(PONG, mask=None), 1002)
case("close without a mask", frame(CLOSE, b"\x03\xe8", mask=None), 1002)
case("continuation without a mask", text(ASK[:5], end=False) + frame(CONTINUATION, ASK[5:], mask=None), 1002)

# -- reserved bits
for bits in range(1, 8):
    case(f"reserved bits {bits:03b} on text", frame(TEXT, ASK, rsv=bits), 1002)
for opcode, label in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
    for bits in (1, 2, 4):
        case(f"reserved bits {bits:03b} on {label}", frame(opcode, rsv=bits), 1002)
for bits in (1, 2, 4):
    case(f"reserved bits {bits:03b} on a continuation", text(ASK[:5], end=False) + frame(CONTINUATION, ASK[5:], rsv=bits), 1002)
case("reserved bits on an empty text", frame(TEXT, rsv=4), 1002)
case("reserved bits on binary", frame(BINARY, b"x", rsv=4), 1002)

# -- opcodes
for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    case(f"reserved opcode {opcode}", frame(opcode, b"x"), 1002)
    case(f"reserved opcode {opcode}, empty, after a message", frame(TEXT, ASK) + frame(opcode), "turn?", 1002)
case("reserved opcode inside a message", text(ASK[:5], end=False) + frame(3, b"x"), 1002)
case("binary", frame(BINARY, ASK), 1003)
case("empty binary", frame(BINARY), 1003)
case("binary in fragments", pieces(ASK, 10, BINARY), 1003)

# -- control frames
case("ping", frame(PING, b"hello"), b"hello")
case("empty ping", frame(PING), b"")
case("ping of any bytes", frame(PING, bytes(range(125))), bytes(range(125)))
case("ping of 125 bytes", frame(PING, b"p" * 125), b"p" * 125)
case("ping of 126 bytes", frame(PING, b"p" * 126), 1002)
case("ping of 125 bytes with a 16-bit length", frame(PING, b"p" * 125, size=2), 1002)
case("ping with a 64-bit length", frame(PING, b"p", size=8), 1002)
case("ping in a fragment", frame(PING, b"p", fin=False) + frame(CONTINUATION, b"q"), 1002)
case("pong in a fragment", frame(PONG, fin=False), 1002)
case("close in a fragment", frame(CLOSE, b"\x03\xe8", fin=False), 1002)
case("pong of 126 bytes", frame(PONG, b"p" * 126), 1002)
case("close of 126 bytes", frame(CLOSE, b"\x03\xe8" + b"r" * 124), 1002)
case("pong that nobody asked for", frame(PONG, b"x") + frame(TEXT, ASK), "turn")
case("empty pongs", frame(PONG) * 100 + frame(TEXT, ASK), "turn")
case("ten pings", b"".join(frame(PING, b"%d" % i) for i in range(10)), *(b"%d" % i for i in range(10)))
case("500 pings", b"".join(frame(PING, b"%d" % i) for i in range(500)), *(b"%d" % i for i in range(500)))
case("ping one byte a segment", [bytes([byte]) for byte in frame(PING, b"slow")], b"slow")
case("ping between fragments", frame(TEXT, ASK[:7], fin=False) + frame(PING, b"in between") + frame(CONTINUATION, ASK[7:]),
     b"in between", "turn")
case("pings after every fragment", frame(TEXT, ASK[:1], fin=False) + b"".join(
    frame(PING, b"%d" % i) + frame(CONTINUATION, ASK[i:i + 1], fin=i == len(ASK) - 1) for i in range(1, len(ASK))),
    *(b"%d" % i for i in range(1, len(ASK))), "turn")
case("pong between fragments", frame(TEXT, ASK[:7], fin=False) + frame(PONG) + frame(CONTINUATION, ASK[7:]), "turn")
case("close between fragments", frame(TEXT, ASK[:7], fin=False) + close(1000), 1000)

# -- fragments
case("two fragments", pieces(ASK, 40), "turn")
case("fragments of one byte", pieces(ASK, 1), "turn")
case("thousands of fragments of one byte", pieces(ASK + b" " * 5000, 1), "turn")
case("empty first fragment", text(b"", ASK), "turn")
case("empty last fragment", text(ASK, b""), "turn")
case("empty fragments everywhere", text(b"", b"", ASK[:9], b"", ASK[9:], b"", b""), "turn")
case("thousands of empty fragments", frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 5000 + frame(CONTINUATION, ASK), "turn")
case("a message of empty fragments", text(b"", b"", b""), "refused")
case("continuation of nothing", frame(CONTINUATION, ASK), 1002)
case("empty continuation of nothing", frame(CONTINUATION), 1002)
case("unfinished continuation of nothing", frame(CONTINUATION, ASK, fin=False), 1002)
case("continuation after a whole message", frame(TEXT, ASK) + frame(CONTINUATION, ASK), "turn?", 1002)
case("text inside a message", text(ASK[:5], end=False) + frame(TEXT, ASK), 1002)
case("binary inside a message", text(ASK[:5], end=False) + frame(BINARY, ASK), 1002)
case("unfinished text inside a message", text(ASK[:5], end=False) + frame(TEXT, ASK, fin=False), 1002)
case("fragments with masks of their own", b"".join(
    frame(CONTINUATION if i else TEXT, ASK[i:i + 5], fin=i + 5 >= len(ASK), mask=os.urandom(4)) for i in range(0, len(ASK), 5)), "turn")

# -- lengths
case("16-bit length of 5", frame(TEXT, b'"abc"', size=2), 1002)
case("16-bit length of 125", frame(TEXT, ASK.ljust(125), size=2), 1002)
case("16-bit length of 126", frame(TEXT, ASK.ljust(126)), "turn")
case("64-bit length of 5", frame(TEXT, b'"abc"', size=8), 1002)
case("64-bit length of 65535", frame(TEXT, ASK.ljust(65535), size=8), 1002)
case("16-bit length of 65535", frame(TEXT, ASK.ljust(65535)), "turn")
case("64-bit length of 65536", frame(TEXT, ASK.ljust(65536)), "turn")
case("16-bit length of 0", frame(TEXT, size=2), 1002)
case("64-bit length of 0", frame(TEXT, size=8), 1002)
case("64-bit length of -1", frame(TEXT, b"x", size=8, length=2**64 - 1), 1002, 1009)
case("64-bit length of 2^63", frame(TEXT, b"x", size=8, length=2**63), 1002, 1009)
case("64-bit length of 2^63 - 1", frame(TEXT, b"x", size=8, length=2**63 - 1), 1009)
case("64-bit length of 4 GiB", frame(TEXT, b"x", size=8, length=2**32), 1009)
case("one byte past the limit", frame(TEXT, b"x", size=8, length=16 * 1024 * 1024 + 1), 1009)
case("past the limit in fragments", text(b"x", end=False) + frame(CONTINUATION, b"x", size=8, length=16 * 1024 * 1024), 1009)
case("lengths that add up past 2^64", text(b"x", end=False) + frame(CONTINUATION, b"x", size=8, length=2**64 - 1), 1009, 1002)
case("binary past the limit", frame(BINARY, b"x", size=8, length=2**40), 1009)

# -- UTF-8 (Unicode 15, table 3-7)
INVALID = {
    "a lone continuation byte": b"\x80", "the last continuation byte": b"\xbf", "many of them": b"\x80\xbf\x80\xbf\x80",
    "C0": b"\xc0\x80", "C1": b"\xc1\xbf", "overlong slash in 2": b"\xc0\xaf", "overlong slash in 3": b"\xe0\x80\xaf",
    "overlong slash in 4": b"\xf0\x80\x80\xaf", "overlong in 3, last": b"\xe0\x9f\xbf", "overlong in 4, last": b"\xf0\x8f\xbf\xbf",
    "5 bytes": b"\xf8\x88\x80\x80\x80", "6 bytes": b"\xfc\x84\x80\x80\x80\x80", "FE": b"\xfe", "FF": b"\xff",
    "first surrogate": b"\xed\xa0\x80", "last surrogate": b"\xed\xbf\xbf", "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "U+110000": b"\xf4\x90\x80\x80", "F5": b"\xf5\x80\x80\x80", "F7": b"\xf7\xbf\xbf\xbf",
    "2 bytes, cut": b"\xc3", "3 bytes, cut to 1": b"\xe2", "3 bytes, cut to 2": b"\xe2\x82", "4 bytes, cut to 1": b"\xf0",
    "4 bytes, cut to 2": b"\xf0\x9f", "4 bytes, cut to 3": b"\xf0\x9f\x98", "2 bytes, then ASCII": b"\xc3\x28",
    "3 bytes, then ASCII": b"\xe2\x82\x28", "4 bytes, then ASCII": b"\xf0\x9f\x98\x28", "Latin-1": "übergrößenträger".encode("latin-1"),
}
for label, data in INVALID.items():
    case(f"UTF-8: {label}", frame(TEXT, quoted(data)), 1007)
    case(f"UTF-8: {label}, at the end", frame(TEXT, b"a long run of ASCII before it " + data), 1007)
    case(f"UTF-8: {label}, over fragments", pieces(quoted(data), 1), 1007)
for label in ("2 bytes, cut", "3 bytes, cut to 2", "4 bytes, cut to 3"):
    case(f"UTF-8: {label}, then an empty last fragment", text(quoted(INVALID[label])[:-1], b""), 1007)
    case(f"UTF-8: {label}, then an empty last fragment, then its rest in the next message",
         text(quoted(INVALID[label])[:-1], b"") + frame(TEXT, b"\xa9" + ASK), 1007)
VALID = {"U+0080": "\u0080", "U+07FF": "\u07ff", "U+0800": "\u0800", "U+D7FF": "\ud7ff", "U+E000": "\ue000", "U+FFFD": "\ufffd",
         "U+FFFE": "\ufffe", "U+FFFF": "\uffff", "U+10000": "\U00010000", "U+10FFFF": "\U0010ffff", "U+007F": "\u007f"}
for label, character in VALID.items():
    asked = ASK_TEXT.replace("é", character).encode()
    case(f"UTF-8: {label}", frame(TEXT, asked), "turn")
    case(f"UTF-8: {label}, over fragments", pieces(asked, 1), "turn")
case("UTF-8 is told before the frame ends", frame(TEXT, b"\xff\xff" + b"x" * 200)[:40], 1007)
case("UTF-8 is told before the message ends", text(b'"\xed\xa0', end=False), 1007)
case("UTF-8: the first two bytes of U+110000 are told", text(b'"\xf4\x90', end=False), 1007)

# -- the end
for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999):
    case(f"close with {code}", close(code, b"bye"), code)
for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999):
    case(f"close with {code}, which nobody may send", close(code), 1002)
for code in (5000, 65535):  # RFC 6455 gives them no meaning; Beast 1.74 sends them back
    case(f"close with {code}", close(code), 1002, code)
case("close without a code", close(), 1000, None)
case("close of one byte", frame(CLOSE, b"\x03"), 1002)
case("close with a long reason", close(1000, b"r" * 123), 1000)
case("close with a reason in UTF-8", close(1000, "größe €".encode()), 1000)
for label in ("C0", "FF", "first surrogate", "3 bytes, cut to 2", "U+110000"):
    case(f"close with a reason that is not UTF-8: {label}", close(1000, INVALID[label]), 1007, 1002)
case("data after a close", close(1000) + frame(TEXT, ASK), 1000)
case("a ping after a close", close(1000) + frame(PING, b"x"), 1000)
case("two closes", close(1000) + close(1001), 1000)
case("garbage after a close", close(1000) + b"\xff" * 1000, 1000)
case("a message, then a close", frame(TEXT, ASK) + close(1000), "turn?", 1000)
case("the bytes of an HTTP request", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 1002)
case("bytes without a meaning", bytes(range(255, 155, -1)), 1002)

# -- compression: never agreed upon, so RSV1 is an error and nothing is ever inflated
case("a message that permessage-deflate packed", frame(TEXT, deflated(ASK), rsv=4), 1002)
case("a compression bomb", frame(TEXT, deflated(b" " * 10_000_000), rsv=4), 1002)
case("a compression bomb in fragments", frame(TEXT, deflated(b" " * 10_000_000)[:500], rsv=4, fin=False), 1002)


def check(peer: Peer, wanted: tuple) -> None:
    codes = [want for want in wanted if want is None or isinstance(want, int)]
    for want in (want for want in wanted if want not in codes):
        got = peer.frame()
        if want == "turn?" and got[0] == CLOSE:  # the close may overtake the turn before it
            assert struct.unpack(">H", got[1][:2])[0] in codes
            break
        assert got is not None, f"the stream ended instead of {want!r}"
        if isinstance(want, bytes):
            assert got == (PONG, want)
        else:
            assert got[0] == TEXT, got
            assert json.loads(got[1])["status"] == (400 if want == "refused" else 404), got[1]
    else:
        if codes:
            got = peer.frame()
            assert got is not None and got[0] == CLOSE, got
            assert (struct.unpack(">H", got[1][:2])[0] if got[1] else None) in codes
    if codes:
        peer.send(close(1000))  # some closes are offers, which a client answers
        assert peer.rest() == b"", "bytes after the close frame"


@pytest.mark.parametrize("name", CASES)
def test_a_frame(server, name):
    data, wanted = CASES[name]
    with Peer(server.port) as peer:
        peer.upgrade()
        peer.within(WITHIN_S)
        for segment in data:
            peer.send(segment)
        check(peer, wanted)
    with Peer(server.port, WITHIN_S) as after:
        after.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert after.answer().status == 200


def test_there_are_enough_cases():
    assert len(CASES) >= 100


# -- handshakes

HANDSHAKE = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
             "Sec-WebSocket-Version": "13"}


def handshake(start="GET /v1/responses HTTP/1.1", body=b"", **changes) -> bytes:
    """changes: header names with _ for -; None leaves one out."""
    headers = HANDSHAKE | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [start] + [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body



@pytest.mark.parametrize("sent, status", [
    (handshake(), 101),
    (handshake(Upgrade="WebSocket"), 101),
    (handshake(Connection="keep-alive, UPGRADE"), 101),
    (handshake(Upgrade="h2c, websocket"), 101),
    (handshake(Sec_WebSocket_Protocol="graphql-ws, other"), 101),
    (handshake(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"), 101),
    (handshake(Sec_WebSocket_Extensions="x-unknown; a=b"), 101),
    (handshake(Sec_WebSocket_Key=None), 400),
    (handshake(Sec_WebSocket_Key=""), 400),
    (handshake(Sec_WebSocket_Key="short"), 400),
    (handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ"), 400),
    (handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==" * 2), 400),
    (handshake(Sec_WebSocket_Key="!!!!!!!!!!!!!!!!!!!!!!=="), 400),
    (handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400),
    (handshake(Sec_WebSocket_Version=None), 426),
    (handshake(Sec_WebSocket_Version="8"), 426),
    (handshake(Sec_WebSocket_Version="0"), 426),
    (handshake(Sec_WebSocket_Version="13, 8"), 426),
    (handshake(Sec_WebSocket_Version="14"), 426),
    (handshake(Upgrade=None), 426),
    (handshake(Upgrade="h2c"), 426),
    (handshake(Connection=None), 426),
    (handshake(Connection="close"), 426),
    (handshake(Host=None), 400),
    (handshake("GET /v1/responses HTTP/1.0"), 400),
    (handshake("GET /v1/responses HTTP/2.0"), 400),
    (handshake("GET /v1/chat/completions HTTP/1.1"), 405),
    (handshake("GET /livez HTTP/1.1"), 200),
    (handshake("POST /v1/responses HTTP/1.1", Connection="Upgrade, close", Content_Type="application/json", Content_Length="2",
               body=b"{}"), 400),
    (handshake("PUT /v1/responses HTTP/1.1"), 405),
    (handshake("get /v1/responses HTTP/1.1"), 405),
    (handshake(Content_Length="5", body=b"hello"), 400),
    (handshake(Content_Type="application/json", Content_Length="43",
               body=b'{"input": "smuggled", "max_output_tokens":16}'[:43]), 400),
    (handshake(Transfer_Encoding="chunked", body=b"5\r\nhello\r\n0\r\n\r\n"), 400),
    (handshake(body=b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), 400),
    (handshake(body=frame(TEXT, ASK)), 400),
    (handshake(Origin="http://evil.example"), 403),
], ids=lambda value: None if isinstance(value, bytes) else str(value))
def test_a_handshake(server, sent, status):
    with Peer(server.port, 2.0) as peer:
        peer.send(sent)
        got, headers = peer.head()
        assert got == status, peer.buffer
        if got == 101:
            assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            assert not headers.keys() & {"sec-websocket-extensions", "sec-websocket-protocol"}
            peer.send(frame(TEXT, ASK))
            check(peer, ("turn",))
        elif got != 200:
            body = peer.take(int(headers["content-length"]))
            error = json.loads(body)["error"]
            assert error["code"] and error["message"]
            if got == 400:
                assert peer.rest() == b"", "what follows a refused upgrade was answered too"
        if got == 426:
            assert headers["upgrade"] == "websocket" and headers["sec-websocket-version"] == "13"
    with Peer(server.port, WITHIN_S) as after:
        after.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert after.answer().status == 200
