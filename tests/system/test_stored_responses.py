"""Storage of responses: chains, background, cancel, delete, input items; over HTTP, WebSocket and OpenAI's SDK."""

import concurrent.futures

import check_events
import openai
import pytest
import requests
from raw_stream import begin_of, create, resume, try_resume, without_chance
from streams import open_socket, read_turn
from test_responses_wire import KEYS, LONG, SHORT, other_key, wait_until, wire  # noqa: F401 (a fixture)

GREEDY = {"temperature": 0, "max_output_tokens": 24}
ENDLESS = {**LONG, "max_output_tokens": 4000}


@pytest.fixture(scope="module")
def client(wire):  # noqa: F811
    with openai.OpenAI(base_url=wire.url + "/v1", api_key=KEYS[0], max_retries=0, timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def model(client):
    return client.models.list().data[0].id


def ask(server, text, **fields) -> dict:
    answer = server.post("/v1/responses", {"input": text, **GREEDY, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def text_of(response: dict) -> str:
    return check_events.output_text(response["output"])


def unknown(answer) -> bool:
    error = answer.json()["error"]
    return (answer.status_code, error["code"], error["param"]) == (
        400, "previous_response_not_found", "previous_response_id")


def test_a_chain_is_the_whole_conversation(wire):  # noqa: F811
    first = ask(wire, "My name is Ada. Name one river.", instructions="Be brief.")
    second = ask(wire, "And one mountain.", previous_response_id=first["id"])
    third = ask(wire, "What is my name?", previous_response_id=second["id"])
    assert third["previous_response_id"] == second["id"] and third["instructions"] is None
    conversation = [{"role": "user", "content": "My name is Ada. Name one river."},
                    {"role": "assistant", "content": text_of(first)},
                    {"role": "user", "content": "And one mountain."},
                    {"role": "assistant", "content": text_of(second)},
                    {"role": "user", "content": "What is my name?"}]
    whole = ask(wire, conversation, store=False)
    assert text_of(third) == text_of(whole)
    assert third["usage"]["input_tokens"] == whole["usage"]["input_tokens"]
    again = ask(wire, [{"role": "user", "content": "My name is Ada. Name one river."}, *first["output"],
                       {"id": wire.get(f"/v1/responses/{second['id']}/input_items").json()["data"][0]["id"]},
                       {"type": "item_reference", "id": second["output"][0]["id"]}, conversation[-1]])
    assert text_of(again) == text_of(whole)


def test_store_false_leaves_nothing(wire):  # noqa: F811
    response = ask(wire, "Hi", store=False)
    assert response["store"] is False
    path = f"/v1/responses/{response['id']}"
    assert wire.get(path).status_code == 404
    assert wire.get(path + "/input_items").status_code == 404
    assert unknown(wire.post("/v1/responses", {"input": "x", "previous_response_id": response["id"]}))


def test_to_another_key_it_does_not_exist(wire):  # noqa: F811
    response = ask(wire, "Hi")
    path = f"/v1/responses/{response['id']}"
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items"),
                         ("GET", "?stream=true")):
        answer = requests.request(method, wire.url + path + tail, headers=other_key(), timeout=10)
        assert answer.status_code == 404, (method, tail)
        assert answer.json()["error"]["code"] == "response_not_found"
    body = {"input": "x", "previous_response_id": response["id"]}
    assert unknown(wire.post("/v1/responses", body, headers=other_key()))
    assert wire.get(path).json() == response


def test_in_progress_it_can_be_looked_at_but_not_continued(wire):  # noqa: F811
    stream = create(wire, ENDLESS)
    response_id, _ = begin_of(stream.read_event())
    now = wire.get(f"/v1/responses/{response_id}").json()
    assert now["status"] == "in_progress" and now["output"] == [] and now["usage"] is None
    assert "stream_token" not in now
    refused = wire.post("/v1/responses", {"input": "x", "previous_response_id": response_id})
    assert refused.status_code == 400 and "in progress" in refused.json()["error"]["message"]
    assert wire.post(f"/v1/responses/{response_id}/cancel", None).status_code == 400  # not a background one
    deleted = requests.delete(f"{wire.url}/v1/responses/{response_id}", headers=wire.headers, timeout=10).json()
    assert deleted == {"id": response_id, "object": "response", "deleted": True}
    rest = check_events.check_framing(stream.read_rest())[1]
    assert rest[-1]["type"] == "response.failed" and rest[-1]["response"]["error"]["code"] == "cancelled"
    assert wire.get(f"/v1/responses/{response_id}").status_code == 404
    assert try_resume(wire, response_id, 0).status_code == 404


def test_background_needs_no_reader(wire):  # noqa: F811
    begun = ask(wire, SHORT["input"], background=True, **{**SHORT, "input": SHORT["input"]})
    assert begun["status"] == "in_progress" and begun["background"] is True and begun["output"] == []
    wait_until(lambda: wire.get(f"/v1/responses/{begun['id']}").json()["status"] == "incomplete")
    ended = wire.get(f"/v1/responses/{begun['id']}").json()
    assert text_of(ended) == text_of(wire.post("/v1/responses", SHORT).json())
    read = resume(wire, begun["id"]).read_rest()  # its events, for the window
    problems, events = check_events.check_framing(read)
    assert problems == [] and check_events.check_stream(events) == []
    refused = wire.post("/v1/responses", {"input": "x", "background": True, "store": False})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "background"


def test_a_background_stream_outlives_its_reader_and_the_window(start_server):
    server = start_server("--resume-window-ms", "50")
    body = {**LONG, "background": True}
    whole = create(server, LONG).read_rest()
    stream = create(server, body)
    begin = stream.read_events(4)
    response_id, token = begin_of(begin)
    stream.close()
    assert server.get(f"/v1/responses/{response_id}").json()["status"] == "in_progress"
    rest = resume(server, response_id, 3, token).read_rest()
    with_background = without_chance(begin + rest).replace(b'"background":true', b'"background":false')
    assert with_background == without_chance(whole)
    unread = create(server, body)
    response_id, token = begin_of(unread.read_event())
    unread.close()
    wait_until(lambda: server.get(f"/v1/responses/{response_id}").json()["status"] == "incomplete")


def test_cancel(client, model, wire):  # noqa: F811
    begun = client.responses.create(model=model, input=ENDLESS["input"], background=True, max_output_tokens=4000)
    assert begun.status == "in_progress"
    cancelled = client.responses.cancel(begun.id)
    assert cancelled.status == "cancelled" and cancelled.id == begun.id
    assert client.responses.cancel(begun.id).status == "cancelled"  # again
    assert client.responses.retrieve(begun.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input="x", previous_response_id=begun.id)
    assert caught.value.param == "previous_response_id"
    done = client.responses.create(model=model, input="x", max_output_tokens=16)
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(done.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.cancel("resp_none")


def test_through_the_sdk(client, model):
    first = client.responses.create(model=model, input="Name one river.", **GREEDY)
    assert client.responses.retrieve(first.id).to_dict() == first.to_dict()
    second = client.responses.create(model=model, input="And one mountain.", previous_response_id=first.id, **GREEDY)
    assert second.previous_response_id == first.id and second.usage.input_tokens > first.usage.input_tokens
    items = client.responses.input_items.list(second.id)
    assert [item.content[0].text for item in items] == ["And one mountain."]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input="x", previous_response_id=first.id)
    assert caught.value.code == "previous_response_not_found"
    assert client.responses.create(model=model, input="x", previous_response_id=second.id, **GREEDY).output_text


def test_input_items_through_the_sdk(client, model):
    texts = [str(number) for number in range(7)]
    made = client.responses.create(model=model, input=[{"role": "user", "content": text} for text in texts],
                                   max_output_tokens=16)
    ascending = client.responses.input_items.list(made.id, order="asc", limit=3)
    assert [item.content[0].text for item in ascending] == texts  # the SDK follows has_more
    assert [item.content[0].text for item in client.responses.input_items.list(made.id)] == texts[::-1]


def test_a_stream_resumed_through_the_sdk(client, model):
    events = []
    with client.responses.create(model=model, stream=True, input=LONG["input"], max_output_tokens=200) as stream:
        for event in stream:
            events.append(event.to_dict())
            if len(events) == 9:
                break
    response_id = events[0]["response"]["id"]
    with client.responses.retrieve(response_id, stream=True, starting_after=8) as stream:
        events += [event.to_dict() for event in stream]
    assert check_events.check_stream(events) == []


def test_a_connection_remembers_its_latest_response(wire):  # noqa: F811
    unstored = {**GREEDY, "store": False}
    with open_socket(wire) as socket, open_socket(wire) as other:
        first = read_turn(socket, {"input": "Name one river.", **unstored}).terminal["response"]
        more = {"input": "And one mountain.", "previous_response_id": first["id"], **unstored}
        assert read_turn(other, more).problem["error"]["code"] == "previous_response_not_found"
        second = read_turn(socket, more)
        assert check_events.check_stream(second.events) == []
        assert second.terminal["response"]["usage"]["input_tokens"] > first["usage"]["input_tokens"]
        assert read_turn(socket, more).problem["error"]["code"] == "previous_response_not_found"  # not the latest
        call = {"input": [{"type": "function_call_output", "call_id": "call_1", "output": "x"}], **unstored,
                "previous_response_id": second.terminal["response"]["id"]}
        assert read_turn(socket, call).problem["status"] == 400
        gone = read_turn(socket, {**call, "input": "x"}).problem
        assert gone["error"]["code"] == "previous_response_not_found", "a failed continuation evicts"
        assert read_turn(socket, {"input": "Hi", **unstored}).terminal
    with open_socket(wire) as anew:
        assert read_turn(anew, {**call, "input": "x"}).problem["error"]["code"] == "previous_response_not_found"


def test_what_is_stored_is_known_on_every_connection(wire):  # noqa: F811
    with open_socket(wire) as socket:
        first = read_turn(socket, {"input": "Name one river.", **GREEDY}).terminal["response"]
    with open_socket(wire) as socket:
        second = read_turn(socket, {"input": "And one mountain.", "previous_response_id": first["id"], **GREEDY})
    third = ask(wire, "And a lake.", previous_response_id=second.terminal["response"]["id"])
    assert third["usage"]["input_tokens"] > second.terminal["response"]["usage"]["input_tokens"]


def test_the_store_is_bounded(start_server):
    server = start_server("--response-store-mib", "1")

    def store_one(_=None) -> str:  # about 12 KB each: its metadata is given back in the object
        return ask(server, "Hi", max_output_tokens=16, metadata={f"{i}": "v" * 512 for i in range(16)})["id"]

    first = store_one()
    assert server.get(f"/v1/responses/{first}").status_code == 200
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(store_one, range(112)))
    stored = sum(server.get(f"/v1/responses/{response_id}").status_code == 200 for response_id in ids)
    assert 40 <= stored < 112
    assert server.get(f"/v1/responses/{first}").status_code == 404
    last = store_one()
    assert server.get(f"/v1/responses/{last}").status_code == 200


def test_stored_responses_age(start_server):
    server = start_server("--response-store-ttl-s", "1")
    response_id = ask(server, "Hi")["id"]
    assert server.get(f"/v1/responses/{response_id}").status_code == 200
    wait_until(lambda: server.get(f"/v1/responses/{response_id}").status_code == 404, 3)
