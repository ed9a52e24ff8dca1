"""Sampling and stopping at the doors, byte for byte: what a field does to an answer, told from the answer without it."""

import concurrent.futures
import json
import math
import time

import openai
import pytest
import requests
from streams import sse_messages
from troupe_server import TIME_SCALE, scaled

CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
LOGPROBS = ["message.output_text.logprobs"]
SEA = {"prompt": "The sea is a place where", "temperature": 0, "max_tokens": 16}
FRANCE = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 32}
NOT_ASCII = {"prompt": "é ü ö 🦊 é ü ö 🦊 é ü ö 🦊 é ü ö", "temperature": 0, "max_tokens": 16}


def ask(server, path, body):
    answer = server.post(path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stream(server, path, body) -> list:
    """The JSON of each chunk; it must end well."""
    with requests.post(server.url + path, json={**body, "stream": True}, stream=True, timeout=scaled(60)) as answer:
        assert answer.status_code == 200, answer.text
        data = [text for _, text in sse_messages(answer)]
    assert data.pop() == "[DONE]"
    return [json.loads(text) for text in data]


def choices(chunks, index=0) -> list:
    return [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]


def text_of(choice) -> str:
    return choice["text"] if "text" in choice else choice.get("message", choice.get("delta"))["content"] or ""


def joined(chunks, index=0) -> str:
    return "".join(choice["text"] if "text" in choice else choice["delta"].get("content", "") for choice in choices(chunks, index))


def complete(server, **fields) -> dict:
    """The first choice of a completion."""
    return ask(server, COMPLETIONS, {**SEA, **fields})["choices"][0]


def in_parallel(call, cases) -> list:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(call, cases))


@pytest.fixture(scope="module")
def plain(server):
    """The greedy answer: its text, and its tokens as text."""
    choice = complete(server, logprobs=0)
    assert choice["finish_reason"] == "length" and choice["stop_reason"] is None
    assert "".join(choice["logprobs"]["tokens"]) == choice["text"] and len(choice["logprobs"]["tokens"]) == 16
    return choice["text"], choice["logprobs"]["tokens"]


@pytest.fixture(scope="module")
def token_id(server):
    """The id of a token by its text, as part of a text."""
    def find(text, token):
        whole = ask(server, COMPLETIONS, {**SEA, "prompt": text, "prompt_logprobs": 0, "max_tokens": 1})
        entries = [next(iter(entry.items())) for entry in whole["choices"][0]["prompt_logprobs"] if entry]
        return next(int(number) for number, entry in entries if entry["decoded_token"] == token)
    return find


# -- stop strings

def stop_cases(text) -> list:
    """Strings of the answer, beginning everywhere and of several lengths, short ones across borders of tokens too."""
    return [text[begin:begin + length] for begin in range(0, len(text), 3) for length in (1, 4, 11) if text[begin:begin + length]]


@pytest.mark.parametrize("body", [SEA, NOT_ASCII], ids=["ascii", "multi-byte"])
def test_stop_at_every_cut(server, body):
    text = ask(server, COMPLETIONS, body)["choices"][0]["text"]
    assert len(text) > 15 and text.isascii() == (body is SEA), text
    cases = list(dict.fromkeys(stop_cases(text)))[::1 if TIME_SCALE == 1 else 5]

    def check(stop):
        chunks = stream(server, COMPLETIONS, {**body, "stop": stop})
        last = choices(chunks)[-1]
        return joined(chunks), last["finish_reason"], last["stop_reason"]

    assert in_parallel(check, cases) == [(text[:text.find(stop)], "stop", stop) for stop in cases]
    for stop in cases[::7]:
        choice = ask(server, COMPLETIONS, {**body, "stop": [stop]})["choices"][0]
        assert (choice["text"], choice["finish_reason"], choice["stop_reason"]) == (text[:text.find(stop)], "stop", stop)


def test_what_only_begins_like_a_stop_string_is_not_lost(server, plain):
    text, _ = plain
    for stop in (text[-5:] + "ZZZ", text[3:9] + "\x01", "q" * 1024):
        chunks = stream(server, COMPLETIONS, {**SEA, "stop": [stop]})
        assert joined(chunks) == text and choices(chunks)[-1]["finish_reason"] == "length"


def test_the_first_of_several_stop_strings(server, plain):
    text, _ = plain
    stops = [text[20:24], text[9:12], text[30:36], *(f"never {number}" for number in range(13))]
    first = min((text.find(stop), stop) for stop in stops if stop in text)
    choice = complete(server, stop=stops)
    assert (choice["text"], choice["stop_reason"]) == (text[:first[0]], first[1])
    kept = complete(server, stop=stops, include_stop_str_in_output=True)
    assert (kept["text"], kept["stop_reason"]) == (text[:first[0]] + first[1], first[1])


def test_stop_at_the_other_doors(server):
    chat = ask(server, CHAT, FRANCE)["choices"][0]["message"]["content"]
    assert "Paris" in chat
    choice = ask(server, CHAT, {**FRANCE, "stop": "Paris"})["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"], choice["stop_reason"]) == (
        chat[:chat.find("Paris")], "stop", "Paris")
    chunks = stream(server, CHAT, {**FRANCE, "stop": "Paris"})
    assert joined(chunks) == chat[:chat.find("Paris")] and choices(chunks)[-1]["stop_reason"] == "Paris"
    body = {"input": FRANCE["messages"][0]["content"], "temperature": 0, "max_output_tokens": 32, "stop": "Paris"}
    response = ask(server, RESPONSES, body)
    assert response["status"] == "completed"
    assert response["output"][0]["content"][0]["text"] == chat[:chat.find("Paris")]
    events = [json.loads(data) for _, data in _responses_stream(server, body)]
    assert "".join(event["delta"] for event in events if event["type"].endswith("text.delta")) == chat[:chat.find("Paris")]


def _responses_stream(server, body) -> list:
    with requests.post(server.url + RESPONSES, json={**body, "stream": True}, stream=True, timeout=scaled(60)) as answer:
        assert answer.status_code == 200, answer.text
        return [message for message in sse_messages(answer) if message[1] != "[DONE]"]


# -- tokens that end, or do not

def test_stop_tokens(server, plain, token_id):
    text, tokens = plain
    for at in (2, 7):
        number = token_id(text, tokens[at])
        first = tokens.index(tokens[at])
        choice = ask(server, COMPLETIONS, {**SEA, "stop_token_ids": [number]})
        assert choice["choices"][0]["text"] == "".join(tokens[:first])
        assert (choice["choices"][0]["finish_reason"], choice["choices"][0]["stop_reason"]) == ("stop", number)
        assert choice["usage"]["completion_tokens"] == first + 1
        kept = complete(server, stop_token_ids=[number], include_stop_str_in_output=True)
        assert kept["text"] == "".join(tokens[:first + 1]) and kept["stop_reason"] == number


def test_end_tokens(server):
    whole = ask(server, CHAT, FRANCE)
    made = whole["usage"]["completion_tokens"]
    assert whole["choices"][0]["finish_reason"] == "stop" and whole["choices"][0]["stop_reason"] is None and made < 24
    ignored = ask(server, CHAT, {**FRANCE, "ignore_eos": True, "max_tokens": made + 4})
    assert ignored["choices"][0]["finish_reason"] == "length" and ignored["usage"]["completion_tokens"] == made + 4
    assert ignored["choices"][0]["message"]["content"].startswith(whole["choices"][0]["message"]["content"])
    longer = ask(server, CHAT, {**FRANCE, "min_tokens": made + 3})
    assert longer["usage"]["completion_tokens"] >= made + 3
    assert longer["choices"][0]["message"]["content"].startswith(whole["choices"][0]["message"]["content"])


def test_a_stop_string_before_min_tokens_does_not_count(server, plain):
    text, tokens = plain
    for stop in (tokens[1], tokens[6]):
        for least in (0, 4):
            cuts = [at for at in range(len(text)) if text.startswith(stop, at) and at + len(stop) > len("".join(tokens[:least]))]
            choice = complete(server, stop=stop, min_tokens=least)
            assert choice["text"] == (text[:cuts[0]] if cuts else text), (stop, least)


def test_biases(server, plain, token_id):
    text, tokens = plain
    first = token_id(text, tokens[1])
    forced = complete(server, logit_bias={str(first): 100}, max_tokens=4)
    assert forced["text"] == tokens[1] * 4
    banned = complete(server, logit_bias={str(first): -100}, logprobs=0)
    assert tokens[1] not in banned["logprobs"]["tokens"] and banned["text"] != text
    assert complete(server, logit_bias={str(first): 0})["text"] == text


# -- log probabilities

def check_tokens(content: list, top: int) -> None:
    assert content
    for one in content:
        names = [(entry["token"], entry["bytes"]) for entry in one["top_logprobs"]]
        values = [entry["logprob"] for entry in one["top_logprobs"]]
        assert len(names) == top and values == sorted(values, reverse=True)
        assert sum(map(math.exp, values)) <= 1 + 1e-4
        if top:  # greedy: the chosen token is the likeliest
            assert (one["token"], one["bytes"]) == names[0] and one["logprob"] == values[0] <= 0


@pytest.mark.parametrize("top", [0, 1, 5, 20])
def test_log_probabilities_of_a_chat(server, top):
    fields = {**FRANCE, "logprobs": True, "top_logprobs": top}
    whole = ask(server, CHAT, fields)["choices"][0]
    content = whole["logprobs"]["content"]
    check_tokens(content, top)
    assert bytes(byte for one in content for byte in one["bytes"]).decode() == whole["message"]["content"]
    chunks = stream(server, CHAT, fields)
    told = [choice["logprobs"]["content"] for choice in choices(chunks) if choice["logprobs"]]
    assert sum(told, []) == content and len(told) > 3
    assert whole["message"]["content"] == ask(server, CHAT, FRANCE)["choices"][0]["message"]["content"]


def test_log_probabilities_of_a_response(server):
    body = {"input": "What is the capital of France?", "temperature": 0, "max_output_tokens": 32, "include": LOGPROBS,
            "top_logprobs": 3}
    response = ask(server, RESPONSES, body)
    part = response["output"][0]["content"][0]
    assert response["top_logprobs"] == 3
    check_tokens(part["logprobs"], 3)
    assert part["logprobs"] == ask(server, CHAT, {**FRANCE, "logprobs": True, "top_logprobs": 3})["choices"][0]["logprobs"]["content"]
    assert ask(server, RESPONSES, {**body, "top_logprobs": 0})["output"][0]["content"][0]["logprobs"][0]["top_logprobs"] == []
    stored = server.get(f"{RESPONSES}/{response['id']}").json()
    assert stored["output"] == response["output"]
    events = [json.loads(data) for _, data in _responses_stream(server, body)]
    deltas = [event["logprobs"] for event in events if event["type"] == "response.output_text.delta"]
    assert sum(deltas, []) == part["logprobs"]
    done = {event["type"]: event for event in events}
    assert done["response.output_text.done"]["logprobs"] == part["logprobs"]
    assert done["response.content_part.done"]["part"]["logprobs"] == part["logprobs"]
    assert done["response.completed"]["response"]["output"][0]["content"] == [part]


def test_a_reader_that_comes_back_gets_the_same_bytes(server):
    body = {"input": "Name three rivers.", "temperature": 0.8, "seed": 3, "max_output_tokens": 24, "include": LOGPROBS,
            "top_logprobs": 2, "stop": ["xyzzy"]}
    all_of_it = _responses_stream(server, body)
    created = json.loads(all_of_it[0][1])["response"]
    for after in (0, 5, len(all_of_it) - 3):
        with server.get(f"{RESPONSES}/{created['id']}?stream=true&starting_after={after}", stream=True) as answer:
            rest = [message for message in sse_messages(answer) if message[1] != "[DONE]"]
        assert rest == all_of_it[after + 1:]


def test_log_probabilities_of_a_completion(server, plain):
    text, tokens = plain
    choice = complete(server, logprobs=3)
    lists = choice["logprobs"]
    assert lists["tokens"] == tokens and all(len(one) == 16 for one in lists.values())
    assert lists["text_offset"] == [len("".join(tokens[:at])) for at in range(16)]
    for name, value, top in zip(tokens, lists["token_logprobs"], lists["top_logprobs"]):
        assert top[name] == value == max(top.values()) and len(top) == 3
    sums = {name: [] for name in lists}
    for part in choices(stream(server, COMPLETIONS, {**SEA, "logprobs": 3})):
        for name, values in (part["logprobs"] or {}).items():
            sums[name] += values
    assert sums == lists


def test_parts_of_a_character_are_bytes(server):
    content = ask(server, CHAT, {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0, "max_tokens": 3, "n": 1,
                                 "logprobs": True, "prompt_logprobs": 0})
    assert content["prompt_logprobs"][0] is None and all(len(entry) == 1 for entry in content["prompt_logprobs"][1:])
    choice = ask(server, COMPLETIONS, {"prompt": "é🦊", "echo": True, "logprobs": 1, "max_tokens": 0})["choices"][0]
    names = choice["logprobs"]["tokens"]
    pieces = [name for name in names if name.startswith("bytes:\\x")]
    assert choice["text"] == "é🦊" and len(pieces) >= 2
    joined_bytes = b"".join(bytes.fromhex(name[6:].replace("\\x", "")) if name in pieces else name.encode() for name in names)
    assert joined_bytes.decode() == "é🦊"
    assert choice["logprobs"]["text_offset"][-1] == 1


# -- prompts: echo, tokens, several

def test_echo(server, plain):
    text, tokens = plain
    assert complete(server, echo=True)["text"] == SEA["prompt"] + text
    choice = complete(server, echo=True, logprobs=2)
    lists = choice["logprobs"]
    assert choice["text"] == "".join(lists["tokens"]) == SEA["prompt"] + text
    assert lists["token_logprobs"][0] is None and lists["top_logprobs"][0] is None
    assert all(value <= 0 for value in lists["token_logprobs"][1:]) and lists["tokens"][-16:] == tokens
    assert lists["text_offset"][-16] == len(SEA["prompt"])
    only = ask(server, COMPLETIONS, {**SEA, "echo": True, "logprobs": 2, "max_tokens": 0})
    assert only["choices"][0]["text"] == SEA["prompt"] and only["usage"]["completion_tokens"] == 0
    assert only["choices"][0]["logprobs"] == {name: values[:-16] for name, values in lists.items()}
    chunks = stream(server, COMPLETIONS, {**SEA, "echo": True, "logprobs": 2})
    sums = {name: [] for name in lists}
    for part in choices(chunks):
        for name, values in (part["logprobs"] or {}).items():
            sums[name] += values
    assert joined(chunks) == SEA["prompt"] + text and sums == lists


def test_the_prompt_foretells_what_decoding_says(server, plain):
    """Prefill and decode share one numeric definition: an answer's log probabilities are those of it as a prompt."""
    text, tokens = plain
    made = complete(server, logprobs=1)["logprobs"]
    read = complete(server, prompt=SEA["prompt"] + text, logprobs=1, echo=True, max_tokens=0)["logprobs"]
    assert read["tokens"][-16:] == tokens and read["token_logprobs"][-16:] == made["token_logprobs"]


def test_prompts_in_all_their_forms(server, plain):
    text, _ = plain
    entries = complete(server, prompt_logprobs=0, max_tokens=1)["prompt_logprobs"][1:]  # of the first token nothing is told
    numbers = [int(number) for entry in entries for number in entry]
    words = "".join(entry[str(number)]["decoded_token"] for entry, number in zip(entries, numbers))
    assert SEA["prompt"].endswith(words) and len(numbers) > 3
    as_tokens, as_text = complete(server, prompt=numbers, echo=True)["text"], complete(server, prompt=words)["text"]
    assert as_tokens == words + as_text == words + complete(server, prompt=numbers)["text"]
    other = complete(server, prompt="Once upon a time")["text"]
    several = ask(server, COMPLETIONS, {**SEA, "prompt": [SEA["prompt"], "Once upon a time"]})
    assert [(choice["index"], choice["text"]) for choice in several["choices"]] == [(0, text), (1, other)]
    chunks = stream(server, COMPLETIONS, {**SEA, "prompt": [SEA["prompt"], "Once upon a time"]})
    assert (joined(chunks, 0), joined(chunks, 1)) == (text, other)


# -- several choices

SEVERAL = {"messages": [{"role": "user", "content": "Write a line about the sea."}], "temperature": 1, "seed": 11, "max_tokens": 12}


def test_choices_are_a_function_of_request_seed_and_number(server):
    whole = ask(server, CHAT, {**SEVERAL, "n": 4})
    texts = [text_of(choice) for choice in whole["choices"]]
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2, 3] and len(set(texts)) > 1
    assert [text_of(choice) for choice in ask(server, CHAT, {**SEVERAL, "n": 2})["choices"]] == texts[:2]
    alone = ask(server, CHAT, SEVERAL)
    assert text_of(alone["choices"][0]) == texts[0]
    assert whole["usage"]["prompt_tokens"] == alone["usage"]["prompt_tokens"]
    assert whole["usage"]["completion_tokens"] > alone["usage"]["completion_tokens"]
    chunks = stream(server, CHAT, {**SEVERAL, "n": 4, "stream_options": {"include_usage": True}})
    assert [joined(chunks, index) for index in range(4)] == texts
    assert {chunk["id"] for chunk in chunks} == {chunks[0]["id"]}
    assert chunks[-1]["choices"] == [] and all(chunk["usage"] is None for chunk in chunks[:-1])
    assert {name: chunks[-1]["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")} == {
        name: whole["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    for index in range(4):
        one = choices(chunks, index)
        assert one[0]["delta"]["role"] == "assistant" and [part["finish_reason"] for part in one].count(None) == len(one) - 1


def test_greedy_choices_are_equal(server, plain):
    texts = [choice["text"] for choice in ask(server, COMPLETIONS, {**SEA, "n": 3})["choices"]]
    assert texts == [plain[0]] * 3


def test_the_best_of_several(server):
    body = {"prompt": SEA["prompt"], "temperature": 1, "seed": 5, "max_tokens": 8, "logprobs": 0, "ignore_eos": True}
    made = ask(server, COMPLETIONS, {**body, "n": 4})
    means = [sum(choice["logprobs"]["token_logprobs"]) / 8 for choice in made["choices"]]
    ranked = sorted(range(4), key=lambda number: -means[number])
    best = ask(server, COMPLETIONS, {**body, "n": 2, "best_of": 4})
    assert [choice["text"] for choice in best["choices"]] == [made["choices"][number]["text"] for number in ranked[:2]]
    assert [choice["index"] for choice in best["choices"]] == [0, 1]
    assert best["usage"]["completion_tokens"] == made["usage"]["completion_tokens"] == 32
    without = ask(server, COMPLETIONS, {**body, "best_of": 4, "logprobs": None})["choices"]
    assert [(choice["text"], choice["logprobs"]) for choice in without] == [(best["choices"][0]["text"], None)]


def test_usage_in_every_chunk(server):
    options = {"include_usage": True, "continuous_usage_stats": True}
    for path, body in ((CHAT, FRANCE), (COMPLETIONS, SEA)):
        chunks = stream(server, path, {**body, "stream_options": options})
        counts = [chunk["usage"]["completion_tokens"] for chunk in chunks]
        assert counts == sorted(counts) and counts[-1] == counts[-2] == ask(server, path, body)["usage"]["completion_tokens"]
        assert len({chunk["usage"]["prompt_tokens"] for chunk in chunks}) == 1


def test_a_client_that_leaves_ends_all_its_choices(server):
    def cancelled():
        return server.metrics().total("troupe_request_success_total", finished_reason="cancelled")

    before = cancelled()
    body = {**SEVERAL, "n": 8, "max_tokens": 1500, "ignore_eos": True, "stream": True}
    with requests.post(server.url + CHAT, json=body, stream=True, timeout=scaled(60)) as answer:
        next(answer.iter_content(64))
    end = time.monotonic() + scaled(10)
    while cancelled() < before + 8:
        assert time.monotonic() < end, cancelled() - before
        time.sleep(0.05)


def test_choices_and_their_log_probabilities_outlive_a_crash(start_server):
    """In the middle of a stream of three choices the executor dies; the chunks of each are those of a calm run."""
    shaky = start_server("--fault-injection")
    body = {**SEVERAL, "n": 3, "max_tokens": 40, "ignore_eos": True, "logprobs": True, "top_logprobs": 2, "stop": ["xyzzy"]}

    def told(chunks):
        return [[(one["delta"], one["logprobs"], one["finish_reason"]) for one in choices(chunks, index)] for index in range(3)]

    calm = told(stream(shaky, CHAT, body))
    with requests.post(shaky.url + CHAT, json={**body, "stream": True}, stream=True, timeout=scaled(60)) as answer:
        chunks = []
        for _, data in sse_messages(answer):
            if len(chunks) == 12:
                assert shaky.inject("executor", "kill").status_code == 202
            chunks.append(data)
    assert chunks.pop() == "[DONE]" and told([json.loads(data) for data in chunks]) == calm
    assert shaky.metrics().total("troupe_actor_restarts_total") >= 1


# -- refusals

REFUSED = [
    ({"stop": "x" * (1 << 20)}, "stop"), ({"stop": ["x"] * 17}, "stop"), ({"stop": ""}, "stop"), ({"stop": ["a", ""]}, "stop[1]"),
    ({"stop": {"a": 1}}, "stop"), ({"stop_token_ids": [10**9]}, "stop_token_ids"), ({"stop_token_ids": ["1"]}, "stop_token_ids"),
    ({"stop_token_ids": [1] * 1025}, "stop_token_ids"), ({"min_tokens": -1}, "min_tokens"), ({"min_tokens": 999}, "min_tokens"),
    ({"ignore_eos": "yes"}, "ignore_eos"), ({"include_stop_str_in_output": 1}, "include_stop_str_in_output"),
    ({"logit_bias": {"1": 101}}, "logit_bias"), ({"logit_bias": {"one": 1}}, "logit_bias"),
    ({"logit_bias": {"999999999": 1}}, "logit_bias"), ({"logit_bias": {str(number): 1 for number in range(1025)}}, "logit_bias"),
]
OF_CHOICES = [
    ({"n": 0}, "n"), ({"n": 1000}, "n"), ({"n": 17}, "n"), ({"n": "2"}, "n"), ({"prompt_logprobs": 21}, "prompt_logprobs"),
    ({"prompt_logprobs": 1, "stream": True}, "prompt_logprobs"), ({"stream_options": {"include_usage": True}}, "stream_options"),
]
OF_ONE = {
    CHAT: [({"top_logprobs": 2}, "top_logprobs"), ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
           ({"logprobs": 2}, "logprobs"), ({"best_of": 2}, "best_of")],
    COMPLETIONS: [({"logprobs": 21}, "logprobs"), ({"logprobs": True}, "logprobs"), ({"best_of": 17}, "best_of"),
                  ({"n": 3, "best_of": 2}, "best_of"), ({"best_of": 2, "stream": True}, "best_of"), ({"suffix": "x"}, "suffix"),
                  ({"max_tokens": 0}, "max_tokens"), ({"prompt": ["a"] * 65}, "prompt"), ({"prompt": []}, "prompt"),
                  ({"prompt": [10**9]}, "prompt"), ({"n": 16, "prompt": ["a"] * 5}, "prompt")],
    RESPONSES: [({"top_logprobs": 2}, "top_logprobs"), ({"include": LOGPROBS, "top_logprobs": 21}, "top_logprobs"),
                ({"n": 2}, "n"), ({"prompt_logprobs": 1}, "prompt_logprobs")],
}
BASE = {CHAT: FRANCE, COMPLETIONS: SEA, RESPONSES: {"input": "Hi", "max_output_tokens": 16}}


@pytest.mark.parametrize("path", BASE)
def test_refusals(server, path):
    for fields, param in REFUSED + (OF_CHOICES if path != RESPONSES else []) + OF_ONE[path]:
        answer = server.post(path, {**BASE[path], **fields})
        assert answer.status_code == 400, (param, answer.text[:300])
        error = answer.json()["error"]
        assert error["param"] == param and error["message"].split(" ")[0].startswith(param), error
        assert len(error["message"]) < 300
    assert server.get("/readyz").status_code == 200


def test_more_choices_than_places_are_refused_whole(start_server):
    small = start_server("--requests-max", "3")
    answer = small.post(CHAT, {**SEVERAL, "n": 4})
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1
    # The places of the refused ones are free again, once their cancellation has come through.
    end = time.monotonic() + scaled(10)
    while (answer := small.post(CHAT, {**SEVERAL, "n": 3})).status_code == 429 and time.monotonic() < end:
        time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["choices"]) == 3


# -- OpenAI's SDK

@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="unused", max_retries=0, timeout=scaled(60)) as made:
        yield made


def test_through_the_sdk(client, model_id, plain):
    text, tokens = plain
    whole = client.completions.create(model=model_id, **SEA, logprobs=2, n=2, stop=[text[12:15]])
    assert [choice.text for choice in whole.choices] == [text[:text.find(text[12:15])]] * 2
    assert whole.choices[0].finish_reason == "stop" and whole.choices[1].index == 1
    assert "".join(whole.choices[0].logprobs.tokens).startswith(whole.choices[0].text)
    parts = client.completions.create(model=model_id, **SEA, stream=True, stream_options={"include_usage": True})
    parts = list(parts)
    assert "".join(part.choices[0].text for part in parts if part.choices) == text and parts[-1].usage.completion_tokens == 16
    chat = client.chat.completions.create(model=model_id, **FRANCE, logprobs=True, top_logprobs=2, n=2)
    content = chat.choices[1].logprobs.content
    assert "".join(one.token for one in content) == chat.choices[1].message.content
    assert content[0].top_logprobs[0].logprob == content[0].logprob
    response = client.responses.create(model=model_id, input="Hi", temperature=0, max_output_tokens=16, include=LOGPROBS, top_logprobs=1)
    part = response.output[0].content[0]
    assert "".join(one.token for one in part.logprobs) == part.text and part.logprobs[0].top_logprobs[0].token == part.logprobs[0].token
