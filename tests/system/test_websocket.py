"""The Responses WebSocket, with a client that knows nothing of OpenAI."""

import json

import check_events
import pytest
import websockets
from streams import open_socket, read_responses_sse, read_turn

BODY = {"input": "What is the capital of France?", "temperature": 0, "max_output_tokens": 40}


def test_a_turn(server):
    with open_socket(server) as socket:
        stream = read_turn(socket, BODY)
    assert check_events.check_stream(stream.events) == []
    assert "Paris" in stream.text
    assert stream.terminal["type"] == "response.completed"


def test_two_turns_number_anew(server):
    with open_socket(server) as socket:
        first = read_turn(socket, BODY)
        second = read_turn(socket, BODY)
    assert first.outline() == second.outline()
    assert first.terminal["response"]["id"] != second.terminal["response"]["id"]


def test_the_same_events_as_over_http(server):
    with open_socket(server) as socket:
        here = read_turn(socket, BODY)
    there = read_responses_sse(server, BODY)
    assert there.done
    assert here.outline() == there.outline()


def test_an_error_ends_the_turn_and_not_the_connection(server):
    with open_socket(server) as socket:
        for bad in ({"input": "x", "temperature": 9}, {"input": 5}, {**BODY, "stream": True}, {**BODY, "background": True}):
            stream = read_turn(socket, bad)
            assert stream.events == []
            envelope = stream.problem
            assert envelope["type"] == "error" and envelope["status"] == 400
            assert isinstance(envelope["error"]["code"], str) and envelope["error"]["message"]
            assert "sequence_number" not in envelope
        missing = read_turn(socket, {**BODY, "model": "no-such-model"}).problem
        assert missing["status"] == 404 and missing["error"]["code"] == "model_not_found"
        assert "Paris" in read_turn(socket, BODY).text


@pytest.mark.parametrize("message", ["{", "[]", '"x"', "[1,,2]", '{"type": "session.update"}', "{}"])
def test_a_message_that_is_no_request(server, message):
    with open_socket(server) as socket:
        socket.send(message)
        try:
            envelope = json.loads(socket.recv(timeout=10))
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code in (1002, 1003, 1007, 1008)
        else:
            assert envelope["type"] == "error" and envelope["status"] == 400
    with open_socket(server) as socket:
        assert "Paris" in read_turn(socket, BODY).text


def test_the_connection_closes_cleanly(server):
    socket = open_socket(server)
    read_turn(socket, BODY)
    socket.close()
    assert socket.protocol.close_rcvd is not None and socket.protocol.close_rcvd.code == 1000
