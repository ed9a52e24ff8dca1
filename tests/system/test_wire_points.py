"""Points of the Responses specification that are about shapes and single requests; docs/responses-wire.md has the list."""

import json
import re

import check_events
import pytest
import requests
import response_schema as schema
from raw_stream import create, event_of
from streams import open_socket, read_turn
from troupe_server import ROOT

ASK = {"input": "What is the capital of France?", "temperature": 0, "max_output_tokens": 40}
CUT = {**ASK, "input": "Write a long story.", "max_output_tokens": 16}
RICH = {**ASK, "instructions": "Be brief.", "metadata": {"a": "b"}, "safety_identifier": "s", "prompt_cache_key": "p",
        "max_tool_calls": 3, "truncation": "auto", "service_tier": "flex", "top_p": 0.9, "presence_penalty": 0.5,
        "parallel_tool_calls": False, "tool_choice": "none", "text": {"format": {"type": "text"}},
        "include": ["reasoning.encrypted_content"], "stream_options": {"include_obfuscation": True}}


@pytest.mark.parametrize("body", [ASK, CUT, RICH], ids=["plain", "cut", "rich"])
def test_shapes_of_objects_and_events(server, body):
    whole = server.post("/v1/responses", body).json()
    assert schema.check_response(whole) == []
    assert schema.check_response(server.get(f"/v1/responses/{whole['id']}").json()) == []
    problems, events = check_events.check_framing(create(server, body).read_rest())
    assert problems == [] and check_events.check_stream(events) == []
    assert [problem for event in events for problem in schema.check_event(event)] == []
    last = events[-1]["response"]
    for response in (last, whole):
        response["usage"]["input_tokens_details"]["cached_tokens"] = 0
    volatile = ("id", "created_at", "completed_at", "output")
    assert {k: v for k, v in last.items() if k not in volatile} == {k: v for k, v in whole.items() if k not in volatile}
    assert check_events.output_text(last["output"]) == check_events.output_text(whole["output"])
    with open_socket(server) as socket:
        turn = read_turn(socket, {k: v for k, v in body.items() if k != "stream_options"})
    assert [problem for event in turn.events for problem in schema.check_event(event)] == []
    assert [event["type"] for event in turn.events] == [event["type"] for event in events]


def test_values_in_force_are_sent(server):
    plain = server.post("/v1/responses", ASK).json()
    assert (plain["top_p"], plain["temperature"], plain["presence_penalty"], plain["top_logprobs"]) == (1, 0, 0, 0)
    assert (plain["store"], plain["background"], plain["truncation"], plain["tool_choice"]) == (
        True, False, "disabled", "auto")
    rich = server.post("/v1/responses", RICH).json()
    for name in ("instructions", "metadata", "safety_identifier", "prompt_cache_key", "max_tool_calls", "truncation",
                 "top_p", "presence_penalty", "parallel_tool_calls", "tool_choice"):
        assert rich[name] == RICH[name]


@pytest.mark.parametrize("fields, param", [
    ({"max_output_tokens": 15}, "max_output_tokens"),
    ({"max_tool_calls": 0}, "max_tool_calls"),
    ({"metadata": {str(i): "x" for i in range(17)}}, "metadata"),
    ({"metadata": {"k" * 65: "x"}}, "metadata"),
    ({"metadata": {"k": "x" * 513}}, "metadata"),
    ({"safety_identifier": "x" * 65}, "safety_identifier"),
    ({"prompt_cache_key": "x" * 65}, "prompt_cache_key"),
    ({"temperature": 2.1}, "temperature"),
    ({"top_p": 1.1}, "top_p"),
    ({"truncation": "some"}, "truncation"),
    ({"service_tier": "gold"}, "service_tier"),
    ({"input": [{"type": "function_call_output", "call_id": "call_1", "output": "x"}]}, "input[0].call_id"),
    ({"input": [{"type": "function_call_output", "call_id": "", "output": "x"}]}, "input[0].call_id"),
    ({"input": [{"id": "msg_unknown"}]}, "input[0].id"),
    ({"input": [{"type": "reasoning", "summary": None}]}, "input[0].summary"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"include": ["message.output_text.logprobs"], "top_logprobs": 21}, "top_logprobs"),
    ({"input": None}, "input"),
    ({"previous_response_id": "resp_unknown"}, "previous_response_id"),
])
def test_bounds(server, fields, param):
    answer = server.post("/v1/responses", {**ASK, **fields})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert schema.check_error(error) == [] and error["param"] == param and error["type"] == "invalid_request_error"


@pytest.mark.parametrize("fields", [
    {"tools": [{"type": "function", "name": "f"}]}, {"tool_choice": "required"},
    {"reasoning": {"effort": "low"}}, {"include": ["file_search_call.results"]},
    {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}, {"text": {"verbosity": "high"}},
    {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
    {"input": [{"type": "compaction", "encrypted_content": "x"}]},
    {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}]},
])
def test_what_is_not_in_this_release(server, fields):
    answer = server.post("/v1/responses", {**ASK, **fields})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "not_supported"


def test_input_items_that_clients_send_back(server):
    first = server.post("/v1/responses", ASK).json()
    items = [{"role": "user", "content": ASK["input"]}, *first["output"],
             {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x", "status": "completed"},
             {"role": "assistant", "content": "Yes.", "phase": "final_answer"},
             {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
             {"role": "user", "content": "And of Italy?"}]
    answer = server.post("/v1/responses", {**ASK, "input": items})
    assert answer.status_code == 200, answer.text
    texts = [item["content"][0]["text"] for item in server.get(
        f"/v1/responses/{answer.json()['id']}/input_items?order=asc").json()["data"]]
    assert texts == [ASK["input"], check_events.output_text(first["output"]), "Yes.", "Be brief.", "And of Italy?"]


def test_a_prompt_that_does_not_fit_is_never_cut(server):
    for truncation in ("auto", "disabled"):
        answer = server.post("/v1/responses", {**ASK, "input": "one two three " * 5000, "truncation": truncation})
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "context_length_exceeded"


def test_media_types(server):
    with_type = {"Content-Type": "text/plain"}
    assert requests.post(server.url + "/v1/responses", data="{}", headers=with_type, timeout=10).status_code == 415
    answer = server.post("/v1/responses", ASK)
    assert answer.headers["Content-Type"] == "application/json"
    stream = create(server, ASK)
    assert stream.response.headers["Content-Type"].startswith("text/event-stream")
    assert event_of(stream.read_event())["type"] == "response.created"
    stream.read_rest()


def test_websocket_envelopes(server):
    with open_socket(server) as socket:
        for bad in ({**ASK, "stream": False}, {**ASK, "background": False}, {**ASK, "stream_options": {}},
                    {"response": ASK}, {**ASK, "model": "no-such-model"}, {**ASK, "previous_response_id": "resp_x"}):
            problem = read_turn(socket, bad).problem
            assert problem["type"] == "error" and "sequence_number" not in problem
            assert problem["status"] == (404 if "model" in bad else 400)
            assert isinstance(problem["error"]["code"], str) and isinstance(problem["error"]["message"], str)
        for wrong in ("session.update", "response.cancel"):
            socket.send(json.dumps({"type": wrong}))
            assert json.loads(socket.recv(timeout=10))["status"] == 400
        assert read_turn(socket, ASK).terminal["type"] == "response.completed"
        socket.send(json.dumps({"type": "response.create", **ASK}))
        socket.send(json.dumps({"type": "response.create", **CUT}))
        ids = []
        while len([kind for kind, _ in ids if kind in check_events.TERMINAL]) < 2:
            event = json.loads(socket.recv(timeout=30))
            ids.append((event["type"], event.get("response", {}).get("id")))
        ends = [index for index, (kind, _) in enumerate(ids) if kind in check_events.TERMINAL]
        assert ends[0] + 1 == [kind for kind, _ in ids].index("response.created", 1), "one turn after the other"


def test_the_connection_limit(start_server):
    server = start_server("--websocket-lifetime-ms", "400")
    with open_socket(server) as socket:
        turn = read_turn(socket, {**ASK, "input": "Write a long story.", "temperature": 0.8, "max_output_tokens": 300})
        assert turn.terminal, "the response in flight is finished first"
        envelope = json.loads(socket.recv(timeout=10))
        assert envelope["status"] == 400 and envelope["error"]["code"] == "websocket_connection_limit_reached"


def test_a_failed_response_over_each_transport(start_server):
    server = start_server("--request-timeout-ms", "300")
    body = {**ASK, "input": "Write a long story.", "temperature": 0.8, "seed": 3, "max_output_tokens": 4000}
    problems, events = check_events.check_framing(create(server, body).read_rest())
    assert problems == [] and check_events.check_stream(events) == []
    assert events[-1]["type"] == "response.failed"
    assert [problem for event in events for problem in schema.check_event(event)] == []
    assert events[-1]["response"]["error"]["code"] == "deadline_exceeded"
    with open_socket(server) as socket:
        turn = read_turn(socket, body)
        assert turn.terminal["type"] == "response.failed"
        assert read_turn(socket, {**ASK, "max_output_tokens": 16}).terminal
    refused = server.post("/v1/responses", {"input": "x", "previous_response_id": events[-1]["response"]["id"]})
    assert refused.status_code == 400 and "failed" in refused.json()["error"]["message"]


def test_the_list_of_points_names_tests_that_exist():
    page = (ROOT / "docs/responses-wire.md").read_text()
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in page.splitlines() if re.match(r"\| \d", row)]
    assert [int(row[0]) for row in rows] == list(range(1, 106))
    python = "".join(path.read_text() for path in (ROOT / "tests/system").glob("test_*.py"))
    titles = "".join(path.read_text() for path in (ROOT / "tests/net").glob("*_test.cpp"))
    for row in rows:
        names = re.findall(r"`(test_\w+)`", row[3])
        quoted = re.findall(r'"([^"]+)"', row[3])
        assert names or quoted or row[0] == "105", row
        assert all(f"def {name}(" in python for name in names), row
        assert all(f'TEST_CASE("{title}"' in titles for title in quoted), row
