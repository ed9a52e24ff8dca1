"""Pages of a prefix are shared by the requests of one key, over every door, and by nobody else."""

import pytest
from streams import open_socket, read_turn
from troupe_server import TroupeServer

KEYS = ("first-key-of-two", "second-key-of-two")
CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    key_file = folder / "keys"
    key_file.write_text("\n".join(KEYS) + "\n")
    key_file.chmod(0o600)
    with TroupeServer(folder / "server.log", "--api-key-file", str(key_file), key=KEYS[0]) as started:
        yield started


def story(door: str) -> str:
    return f"{door}: " + "The sea is wide and the ship is small. " * 12


def ask(server, path: str, key: str, text: str, **fields) -> tuple:
    """The answer's text, its prompt's tokens and how many of them were cached."""
    headers = {"Authorization": "Bearer " + key}
    if path == CHAT:
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": 20, "temperature": 0}
        answer = server.post(CHAT, {**body, **fields}, headers=headers).json()
        usage = answer["usage"]
        return (answer["choices"][0]["message"]["content"], usage["prompt_tokens"],
                usage["prompt_tokens_details"]["cached_tokens"])
    body = {"input": text, "max_output_tokens": 20, "temperature": 0}
    answer = server.post(RESPONSES, {**body, **fields}, headers=headers).json()
    usage = answer["usage"]
    return answer["output"][0]["content"][0]["text"], usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"]


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_one_key_shares_and_no_other(guarded, path):
    text, tokens, cached = ask(guarded, path, KEYS[0], story(path))
    assert cached < 16 * 3  # at most the system prompt that every chat has
    whole_pages = (tokens - 1) // 16 * 16
    assert whole_pages > 100
    assert ask(guarded, path, KEYS[0], story(path)) == (text, tokens, whole_pages)
    assert ask(guarded, path, KEYS[1], story(path))[2] < 16 * 3
    assert ask(guarded, path, KEYS[1], story(path)) == (text, tokens, whole_pages)
    salt = "of one user at " + path
    assert ask(guarded, path, KEYS[0], story(path), cache_salt=salt) == (text, tokens, 0)
    assert ask(guarded, path, KEYS[0], story(path), cache_salt=salt) == (text, tokens, whole_pages)


def test_the_next_turn_over_a_websocket(guarded):
    with open_socket(guarded) as socket:
        first = read_turn(socket, {"input": story("socket"), "max_output_tokens": 40, "temperature": 0})
        before = first.terminal["response"]
        after = read_turn(socket, {"input": "Go on.", "previous_response_id": before["id"], "max_output_tokens": 16,
                                   "temperature": 0, "priority": -3}).terminal["response"]
    cached = after["usage"]["input_tokens_details"]["cached_tokens"]
    assert cached >= before["usage"]["input_tokens"] // 16 * 16  # the answer's pages come on top
    assert ask(guarded, RESPONSES, KEYS[1], story("socket"))[2] < 16 * 3


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize("fields", [{"priority": 101}, {"priority": -101}, {"priority": 1.5}, {"priority": "high"},
                                    {"cache_salt": ""}, {"cache_salt": 5}, {"cache_salt": "x" * 513}])
def test_bad_fields_are_named(guarded, path, fields):
    body = {CHAT: {"messages": [{"role": "user", "content": "Hi"}]}, RESPONSES: {"input": "Hi"}}[path]
    answer = guarded.post(path, {**body, **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == next(iter(fields))


def test_the_counters(guarded):
    text = guarded.get("/metrics").text
    values = {line.split("{")[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if "prefix_cache" in line
              and not line.startswith("#")}
    assert 0 < values["troupe_prefix_cache_hits_total"] < values["troupe_prefix_cache_queries_total"]
    assert 'troupe_kv_pages{model_name="' in text and 'state="cached"' in text
