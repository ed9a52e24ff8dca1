"""Models that come, are replaced and go while a server answers (row 29 of the fault table)."""

import threading

import check_events
import pytest
import requests
from streams import Company, Stream, read_responses_sse
from troupe_server import MODEL, TroupeServer, scaled

NAME = "main"
BODIES = [{"model": NAME, "input": f"Write a long story about the number {number}.", "temperature": 0.8, "seed": number,
           "max_output_tokens": 120} for number in range(6)]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with TroupeServer(tmp_path_factory.mktemp("models") / "server.log", "--served-model-name", NAME,
                      "--resume-window-ms", "300", "--models-max", "3", "--kv-cache-mib", "128") as started:
        yield started


def load(server, path, name=None, **more):
    body = {"path": str(path)} | ({"name": name} if name else {})
    return server.post("/admin/models", body, **more)


def unload(server, name, **more):
    return requests.delete(f"{server.url}/admin/models/{name}", timeout=scaled(20), **more)


def served(server):
    return [model["id"] for model in server.get("/v1/models").json()["data"]]


def wait_until(server, condition):
    import time
    end = time.monotonic() + scaled(15)
    while not condition():
        assert time.monotonic() < end, server.log()[-2000:]
        time.sleep(0.05)


def test_a_second_model_beside_the_first(host):
    answer = load(host, MODEL, "second")
    assert answer.status_code == 200, answer.text
    assert answer.json() | {"created": 0} == {"id": "second", "object": "model", "loaded": True, "created": 0,
                                              "max_model_len": host.get("/v1/models").json()["data"][0]["max_model_len"]}
    assert served(host) == [NAME, "second"]
    text = {name: host.chat("What is the capital of France?", max_tokens=20, model=name) for name in (NAME, "second")}
    assert text[NAME]["model"] == NAME and text["second"]["model"] == "second"
    assert text[NAME]["choices"] == text["second"]["choices"]
    assert host.chat("Hello", max_tokens=4)["model"] == NAME
    metrics = host.metrics()
    assert metrics.total("troupe_generation_tokens_total", model_name="second") > 0
    assert metrics.total("troupe_ready", model_name=NAME) == 1
    refused = host.post("/v1/responses", {"model": "third", "input": "Hi"})
    assert refused.status_code == 404 and "'main', 'second'" in refused.json()["error"]["message"]
    assert unload(host, "second").json()["unloaded"] is True
    assert served(host) == [NAME]
    assert host.post("/v1/responses", {"model": "second", "input": "Hi"}).status_code == 404
    assert unload(host, "second").status_code == 404


def test_swaps_under_load_fail_no_request(host):
    undisturbed = Company(host, BODIES).join(80)
    company = Company(host, BODIES)
    company.wait_for_deltas(3, 40)
    streams, problems = [], []

    def ask_on():
        while not ended.is_set():
            stream = Stream()
            try:
                read_responses_sse(host, {"model": NAME, "input": "Say hello.", "temperature": 0, "max_output_tokens": 16},
                                   stream)
            except Exception as problem:  # the main thread looks at it
                problems.append(problem)
            streams.append(stream)

    ended = threading.Event()
    asker = threading.Thread(target=ask_on)
    asker.start()
    try:
        for _ in range(3):
            answer = load(host, MODEL, NAME)
            wait_until(host, lambda: answer.status_code == 200 or load(host, MODEL, NAME).status_code == 200)
        swapped = company.join(80)
    finally:
        ended.set()
        asker.join()
    assert served(host) == [NAME]
    for stream, wanted in zip(swapped, undisturbed):
        assert stream.problem is None
        assert check_events.check_stream(stream.events) == []
        assert stream.outline() == wanted.outline()
    assert not problems and len(streams) > 3
    assert all(stream.terminal and stream.text == streams[0].text for stream in streams)
    wait_until(host, lambda: host.log().count("model_unloaded") >= 3)


def test_an_unloaded_model_finishes_its_answers(host):
    assert load(host, MODEL, "leaving").status_code == 200
    bodies = [body | {"model": "leaving"} for body in BODIES[:2]]
    company = Company(host, bodies)
    company.wait_for_deltas(3, 40)
    assert unload(host, "leaving").status_code == 200
    assert "leaving" not in served(host)
    for stream in company.join(60):
        assert stream.problem is None and stream.terminal["type"] != "response.failed"
        assert check_events.check_stream(stream.events) == []


@pytest.mark.parametrize("damage", ["nothing", "empty", "garbage", "half", "folder"])
def test_a_model_that_cannot_be_loaded_changes_nothing(host, tmp_path, damage):
    path = tmp_path / "model.gguf"
    if damage == "empty":
        path.touch()
    elif damage == "garbage":
        path.write_bytes(bytes(range(256)) * 100)
    elif damage == "half":
        path.write_bytes(MODEL.read_bytes()[:40_000_000])
    elif damage == "folder":
        path.mkdir()
    stream = Company(host, BODIES[:1])
    for name in (NAME, "other"):
        answer = load(host, path, name)
        problem = answer.json()["error"]
        assert (answer.status_code, problem["param"], problem["code"]) == (400, "path", "invalid_value"), answer.text
        assert str(path) in problem["message"]
    assert served(host) == [NAME]
    assert host.ready_status() == 200
    assert stream.join(60)[0].terminal["type"] != "response.failed"


@pytest.mark.parametrize("body, param", [({}, "path"), ({"path": ""}, "path"), ({"path": 5}, "path"),
                                         ({"path": "x", "name": 5}, "name"), ({"path": "x", "what": 1}, "what")])
def test_a_wrong_wish_is_refused(host, body, param):
    answer = host.post("/admin/models", body)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == param


def test_one_load_at_a_time_and_no_more_than_models_max(host):
    wait_until(host, lambda: load(host, MODEL, "a").status_code == 200)
    answers = []
    threads = [threading.Thread(target=lambda name=name: answers.append(load(host, MODEL, name))) for name in "bcde"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200 and codes.count(200) <= 2 and codes[-1] == 429
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 429)
    wait_until(host, lambda: len(served(host)) == 3 or load(host, MODEL, "b").status_code == 200)
    full = load(host, MODEL, "one-too-many")
    assert full.status_code == 429 and "models_max" in full.json()["error"]["message"]
    for name in served(host)[1:]:
        assert unload(host, name).status_code == 200


def test_without_a_model_the_node_is_unready_and_comes_back(start_server):
    server = start_server("--served-model-name", "only")
    assert unload(server, "only").status_code == 200
    assert server.ready_status() == 503
    refused = server.post("/v1/responses", {"input": "Hi"})
    assert refused.status_code == 503 and "POST /admin/models" in refused.json()["error"]["message"]
    assert load(server, MODEL).json()["id"] == MODEL.stem
    wait_until(server, lambda: server.ready_status() == 200)
    assert server.post("/v1/responses", {"input": "Hi", "max_output_tokens": 16}).status_code == 200


def test_administrators_have_keys_of_their_own(start_server, tmp_path):
    users, administrators = tmp_path / "users", tmp_path / "administrators"
    users.write_text("key-of-a-user\n")
    administrators.write_text("key-of-an-administrator\n")
    closed = start_server("--api-key-file", str(users), key="key-of-a-user")
    assert load(closed, MODEL).status_code == 403
    server = start_server("--api-key-file", str(users), "--admin-key-file", str(administrators), key="key-of-a-user")
    assert load(server, MODEL).status_code == 401
    assert unload(server, MODEL.stem).status_code == 401
    headers = {"Authorization": "Bearer key-of-an-administrator"}
    assert load(server, MODEL, "second", headers=headers).status_code == 200
    assert unload(server, "second", headers=headers).status_code == 200
    assert server.get("/v1/models", headers=headers).status_code == 401
