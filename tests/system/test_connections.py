"""Rows 21, 22, 25, 26 and 32 of the fault table: peers that are slow, silent, gone, or too many."""

import json
import os
import resource
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from process_watch import cpu_share, open_files, rss_kib
from raw_peer import PING, PONG, TEXT, Peer, frame
from troupe_server import TroupeServer

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
DEAD_PEER_S = 20  # a WebSocket that answers no ping


def post(path: str, body: dict, more: str = "") -> bytes:
    data = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            f"{more}\r\n").encode() + data


def story(tokens: int, stream=True) -> dict:
    return {"messages": [{"role": "user", "content": "Count from 1 to 1000, one number a line."}], "temperature": 0,
            "max_tokens": tokens, "stream": stream}


def probe_s(port: int) -> float:
    """How long a new client waits for its answer."""
    begin = time.monotonic()
    with Peer(port, 10) as peer:
        peer.send(GET)
        assert peer.answer().status == 200
    return time.monotonic() - begin


def trickle(peer: Peer, data: bytes, every_s: float) -> None:
    """One byte after the other, until the server has closed."""
    for byte in data:
        try:
            peer.socket.send(bytes([byte]))
        except OSError:
            return
        time.sleep(every_s)


def closed_after(peer: Peer, begin: float, within_s: float) -> float:
    peer.within(within_s)
    peer.received = peer.rest()
    return time.monotonic() - begin


# -- slow and silent (row 25)

@pytest.fixture(scope="module", autouse=True)
def silent_socket(server):
    """A WebSocket that never says a word, opened before all other tests here; the last one looks what became of it."""
    with Peer(server.port) as peer:
        peer.upgrade()
        peer.frames, peer.opened, peer.closed = [], time.monotonic(), None
        peer.within(DEAD_PEER_S * 3)

        def look():
            while (got := peer.frame()) is not None:
                peer.frames.append(got)
            peer.closed = time.monotonic()

        peer.reader = threading.Thread(target=look, daemon=True)
        peer.reader.start()
        yield peer


LIMIT_MS = 1000
SLOW = {
    "nothing": (b"", b"", b""),
    "half a header": (b"GET /livez HT", b"", b" 408 "),
    "a header, a byte every 100 ms": (b"", b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200, b" 408 "),
    "header fields, one every second byte": (b"GET /livez HTTP/1.1\r\n", b"A:b\r\n" * 40, b" 408 "),
    "a body that does not come": (post("/v1/chat/completions", story(16))[:-20], b"", b" 408 "),
    "a body, a byte every 100 ms": (post("/v1/chat/completions", story(16))[:-200], b"x" * 100, b" 408 "),
    "half a chunk": (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n10\r\n{", b"", b" 408 "),
    "an idle connection after an answer": (GET, b"", b" 200 "),
    "an answer, then half a header": (GET + b"GET /li", b"", b" 408 "),
}


def test_slow_and_silent_peers_are_closed_and_others_are_served(start_server):
    server = start_server("--header-timeout-ms", str(LIMIT_MS), "--idle-timeout-ms", str(LIMIT_MS))
    peers, begin = {}, time.monotonic()
    for name, (at_once, later, _) in SLOW.items():
        peers[name] = Peer(server.port)
        peers[name].send(at_once)
        threading.Thread(target=trickle, args=(peers[name], later, 0.1), daemon=True).start()
    for name, first in (("half a frame", b"\x81"), ("half a message", frame(TEXT, b"{", fin=False)),
                        ("half a ping", frame(PING, b"hello")[:5])):
        peers[name] = Peer(server.port)
        peers[name].upgrade()
        peers[name].send(first)
    waits = [probe_s(server.port) for _ in range(20)]
    for name, peer in peers.items():
        took = closed_after(peer, begin, 10)
        assert took < 3 * LIMIT_MS / 1000 + 2, f"{name}: closed after {took:.1f} s"
        wanted = SLOW.get(name, (b"", b"", b""))[2]
        assert wanted in peer.received and (wanted or not peer.received), (name, peer.received[:200])
        peer.socket.close()
    assert sorted(waits)[10] < 0.5, waits
    end = time.monotonic() + 2
    while server.metrics().total("troupe_http_connections") > 1 and time.monotonic() < end:
        time.sleep(0.05)
    assert server.metrics().total("troupe_http_connections") == 1, "connections left behind"


# -- a reader of one byte a second (row 22)

UNSENT_MS = 2000


@pytest.mark.release_only
def test_a_slow_reader_is_given_up_and_nobody_else_waits(start_server):
    server = start_server("--unsent-bytes-max", "65536", "--unsent-timeout-ms", str(UNSENT_MS))
    pid = server.process.pid
    server.chat("Hi", max_tokens=16)
    # One stream fits into the kernel's buffers: a page of metrics behind each fills them.
    pages = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 400
    slow = [Peer(server.port, receive_buffer=4096) for _ in range(4)]
    before_kib, begin = rss_kib(pid), time.monotonic()
    for peer in slow:
        peer.send(post("/v1/chat/completions", story(64)) + pages)
    readers = [threading.Thread(target=read_slowly, args=(peer, begin + 25), daemon=True) for peer in slow]
    for reader in readers:
        reader.start()
    waits, most_kib = [], before_kib
    while any(reader.is_alive() for reader in readers):
        waits.append(probe_s(server.port))
        most_kib = max(most_kib, rss_kib(pid))
        time.sleep(0.05)
    took = time.monotonic() - begin
    assert all(peer.closed_by_server for peer in slow)
    assert took < UNSENT_MS / 1000 + 20, f"given up after {took:.1f} s"
    assert most_kib - before_kib < 32 * 1024, f"{most_kib - before_kib} KiB more"
    assert sorted(waits)[len(waits) // 2] < 0.25, sorted(waits)[-5:]
    assert server.chat("Hi", max_tokens=16)["choices"]


def read_slowly(peer: Peer, until: float) -> None:
    """A byte a second, until the server has closed: the kernel knows, though the bytes before the end wait here."""
    peer.closed_by_server = False
    while time.monotonic() < until and not peer.closed_by_server:
        peer.socket.settimeout(1)
        try:
            peer.socket.recv(1)
            time.sleep(1)
            info = peer.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
            peer.closed_by_server = info[0] in (7, 8)  # TCP_CLOSE, TCP_CLOSE_WAIT
        except socket.timeout:
            pass
        except OSError:
            peer.closed_by_server = True


# -- clients that go away (row 21)

def used_pages(server) -> float:
    return server.metrics().total("troupe_kv_pages", state="used")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_chat_client_that_goes_away_frees_its_pages(server, stream, how):
    until = time.monotonic() + 5
    while used_pages(server) > 0 and time.monotonic() < until:
        time.sleep(0.05)
    peer = Peer(server.port, 20)
    peer.send(post("/v1/chat/completions", story(1500, stream)))
    if stream:
        peer.take(1000)
    until = time.monotonic() + 20
    while used_pages(server) == 0:
        assert time.monotonic() < until, "the request took no pages"
        time.sleep(0.01)
    if how == "half-close":
        peer.socket.shutdown(socket.SHUT_WR)
    elif how == "reset":
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if how != "half-close":
        peer.socket.close()
    gone = time.monotonic()
    while used_pages(server) > 0:
        assert time.monotonic() < gone + 1, "pages still in use a second later"
        time.sleep(0.01)
    peer.socket.close()


def test_the_kernel_probes_silent_peers(server):
    """A client whose machine is gone sends no FIN: the kernel's keep-alive timer has to find out, within 20 s."""
    with Peer(server.port) as peer:
        peer.send(GET)
        assert peer.answer().status == 200
        ours = peer.socket.getsockname()[1]
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        timers = [row[5] for row in rows if row[1].endswith(f":{server.port:04X}") and row[2].endswith(f":{ours:04X}")]
        assert len(timers) == 1
        kind, jiffies = timers[0].split(":")
        assert kind == "02", "no keep-alive timer"  # Documentation/networking/proc_net_tcp.rst
        assert int(jiffies, 16) / os.sysconf("SC_CLK_TCK") <= 10.5


# -- thousands of connections

WANTED = 5000


@pytest.mark.release_only
def test_thousands_of_connections_at_once(start_server, record_property):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(WANTED, hard - 500)
    assert count >= 500, f"this machine allows {hard} open files: too few to see anything"
    server = start_server("--connections-max", str(count))
    pid = server.process.pid
    server.chat("Hi", max_tokens=16)
    files, before_kib = open_files(pid), rss_kib(pid)
    begin = time.monotonic()
    peers = []
    try:
        peers = [Peer(server.port, 60) for _ in range(count)]
        connected_kib = rss_kib(pid)
        for peer in peers:
            peer.send(GET)
        assert all(peer.answer().status == 200 for peer in peers), "not all were served"
        took, after_kib = time.monotonic() - begin, rss_kib(pid)
        each = (after_kib - before_kib) / count
        record_property("seconds", round(took, 2))
        record_property("kib_per_connection", round(each, 2))
        print(f"\n{count} connections in {took:.2f} s; KiB each: {(connected_kib - before_kib) / count:.2f} before a request, "
              f"{each:.2f} after one")
        assert open_files(pid) >= files + count - 8  # of the server's own some came and went
        assert each < 16, f"{each:.1f} KiB for an idle connection"
        refused(server, 300)
        peers[0].send(post("/v1/chat/completions", story(8, stream=False)))
        peers[0].within(30)
        assert peers[0].answer().status == 200
        peers.pop().socket.close()
        until = time.monotonic() + 2
        while not served(server):
            assert time.monotonic() < until, "nobody new was served after one had left"
        assert cpu_share(pid) < 0.4, "idle connections cost time"  # the canary's steps among it
    finally:
        for peer in peers:
            peer.socket.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    until = time.monotonic() + 5
    while open_files(pid) > files + 5:
        assert time.monotonic() < until, "open files left behind"
        time.sleep(0.05)


def served(server) -> bool:
    with Peer(server.port, 5) as peer:
        peer.send(GET)
        answer = peer.answer()
        return answer is not None and answer.status == 200


def refused(server, times: int) -> None:
    """One connection too many: told at once and closed, whether it asks for something or not."""
    begin = time.monotonic()
    for i in range(times):
        with Peer(server.port, 5) as peer:
            if i % 2:
                peer.send(GET)
            answer = peer.answer()
            assert answer.status == 503 and answer.code == "too_many_connections" and answer.headers["retry-after"] == "1"
            assert peer.rest() == b""
    assert (time.monotonic() - begin) / times < 0.1
    assert 0 < server.log().count("too_many_connections") <= 1 + times // 100 + (time.monotonic() - begin)


# -- open files used up (row 26)

@pytest.mark.release_only
def test_no_open_files_left(tmp_path):
    server = TroupeServer(tmp_path / "server.log")
    server.command = ["prlimit", "--nofile=64:64", *server.command]
    with server:
        pid = server.process.pid
        peers = [Peer(server.port) for _ in range(100)]
        for peer in peers:
            peer.send(GET)
        until = time.monotonic() + 10
        while open_files(pid) < 64 and time.monotonic() < until:
            time.sleep(0.02)
        assert open_files(pid) >= 64
        begin = time.monotonic()
        assert cpu_share(pid, 1.5) < 0.2, "it spins"
        peers[0].within(5)
        assert peers[0].answer().status == 200
        peers[0].send(GET)
        assert peers[0].answer().status == 200, "those inside are served"
        lines = server.log().count("accept_failed")
        assert 1 <= lines <= 2 + (time.monotonic() - begin + 10), lines
        for peer in peers:
            peer.socket.close()
        closed = time.monotonic()
        while not served(server):
            assert time.monotonic() < closed + 2, "not back within 2 s"
        assert server.metrics().total("troupe_requests_rejected_total", reason="accept_failed") >= lines
        assert "open_files_limit_low" in server.log()


# -- a log that nobody reads, a full disk (row 32)

def wait_for_dropped_lines(server, within_s: float) -> None:
    until = time.monotonic() + within_s
    while server.metrics().total("troupe_log_lines_dropped_total") == 0:
        assert time.monotonic() < until, "no line was dropped: this test shows nothing"
        with Peer(server.port, 20) as peer:
            peer.send(GET * 500)
            assert all(peer.answer().status == 200 for _ in range(500))


def test_a_full_pipe_as_log_holds_nobody_up(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR)
    server = TroupeServer(path)
    server.log = lambda: "a pipe"
    try:
        with server:
            wait_for_dropped_lines(server, 40)
            assert server.chat("Hi", max_tokens=16)["choices"]
            assert probe_s(server.port) < 1
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(15) == 0
    finally:
        os.close(reader)


def test_a_full_disk_under_the_log_holds_nobody_up():
    server = TroupeServer(Path("/dev/full"))
    server.log = lambda: "/dev/full"
    with server:
        assert server.chat("Hi", max_tokens=16)["choices"]
        assert server.metrics().total("troupe_log_lines_dropped_total") > 0
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0


# -- the half-open WebSocket

def test_a_websocket_that_answers_no_ping_is_closed(silent_socket):
    """Its end goes on acknowledging on the TCP level: only the pings tell."""
    silent_socket.reader.join(DEAD_PEER_S * 2)
    assert silent_socket.closed is not None, "still open"
    assert DEAD_PEER_S / 2 <= silent_socket.closed - silent_socket.opened < DEAD_PEER_S + 5
    assert [opcode for opcode, _ in silent_socket.frames] == [PING]


def test_a_websocket_that_answers_pings_stays(server):
    with Peer(server.port, 5) as peer:
        peer.upgrade()
        peer.send(frame(PING, b"a") + frame(PONG))
        assert peer.frame() == (PONG, b"a")
