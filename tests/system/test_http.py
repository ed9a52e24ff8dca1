"""The bytes on the wire, as curl sees them."""

import json
import re
import socket
import subprocess

import pytest


def curl(server, path, *flags, body=None):
    """(status, headers with small names, body bytes)"""
    command = ["curl", "-sS", "-N", "-i", "-m", "60", *flags, server.url + path]
    if body is not None:
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        command += ["-H", "Content-Type: application/json", "--data-binary", text, "-H", "Expect:"]
    run = subprocess.run(command, capture_output=True, timeout=70)
    assert run.returncode == 0, run.stderr
    head, content = run.stdout.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, content


def test_probes(server):
    for path in ("/livez", "/readyz", "/health"):
        status, _, body = curl(server, path)
        assert status == 200, body
    status, _, body = curl(server, "/version")
    assert status == 200 and re.search(rb"\d+\.\d+\.\d+", body)


def test_a_responses_stream_on_the_wire(server):
    status, headers, body = curl(server, "/v1/responses", body={
        "input": "What is the capital of France?", "temperature": 0, "max_output_tokens": 40, "stream": True})
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert b"\r" not in body, "LF only"
    assert body.endswith(b"\n\ndata: [DONE]\n\n")
    messages = body.decode().split("\n\n")[:-2]
    for number, message in enumerate(messages):
        name, data = message.split("\n")  # exactly two lines: no id, no retry
        event = json.loads(data.removeprefix("data: "))
        assert name == "event: " + event["type"]
        assert event["sequence_number"] == number


def test_a_chat_stream_on_the_wire(server):
    status, headers, body = curl(server, "/v1/chat/completions", body={
        "messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0,
        "max_tokens": 40, "stream": True})
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    messages = body.decode().split("\n\n")
    assert messages[-1] == "" and messages[-2] == "data: [DONE]"
    assert all(message.startswith("data: {") for message in messages[:-2])
    text = "".join(json.loads(m.removeprefix("data: "))["choices"][0]["delta"].get("content") or ""
                   for m in messages[:-2])
    assert "Paris" in text


def test_an_answer_without_a_stream_is_json(server):
    for path, body in (("/v1/responses", {"input": "Hi", "max_output_tokens": 16}),
                       ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4})):
        status, headers, content = curl(server, path, body=body)
        assert status == 200 and headers["content-type"].split(";")[0] == "application/json"
        json.loads(content)


@pytest.mark.parametrize("path, flags, body, wanted", [
    ("/nowhere", [], None, 404),
    ("/v1/chat/completions", [], None, 405),
    ("/livez", ["-X", "DELETE"], None, 405),
    ("/v1/chat/completions", [], "{", 400),
    ("/v1/chat/completions", [], '{"messages": [1,,2]}', 400),
    ("/v1/chat/completions", [], "[" * 60000, 400),
    ("/v1/responses", [], b'{"input": "half a surrogate: \xed\xa0\x80"}', 400),
    ("/v1/responses", [], "[]", 400),
    ("/livez", ["-H", "X-Long: " + "x" * 40000], None, 431),
])
def test_refusals_have_the_error_object(server, path, flags, body, wanted):
    status, _, content = curl(server, path, *flags, body=body)
    assert status == wanted, content
    if path.startswith("/v1"):
        error = json.loads(content)["error"]
        assert error["message"] and error["type"] == "invalid_request_error" and {"param", "code"} <= error.keys()


def test_a_body_past_the_limit_is_refused_before_it_is_read(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b"Content-Length: 99999999999\r\n\r\n{")
        assert b" 413 " in raw.recv(4096).split(b"\r\n")[0]


def test_a_connection_is_used_again(server):
    run = subprocess.run(["curl", "-sS", "-m", "20", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects}\n",
                          server.url + "/livez", server.url + "/version"], capture_output=True, text=True, timeout=30)
    assert run.stdout.split() == ["1", "0"]


def test_faults_are_closed_by_default(server):
    assert server.inject("executor", "throw").status_code in (403, 404)
    assert server.chat("What is the capital of France?", max_tokens=40)
