"""docs/api.md, "Fields": each row of its tables is asked of the server, and no field is missing there."""

import json
import re

import pytest
from openai.types import completion_create_params as completion_params
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import response_create_params as response_params
from troupe_server import ROOT

CHAT, RESPONSES, COMPLETIONS = "/v1/chat/completions", "/v1/responses", "/v1/completions"
SECTIONS = {CHAT: "Chat Completions", RESPONSES: "Responses", COMPLETIONS: "Completions"}
BASE = {COMPLETIONS: {"prompt": "Hi", "max_tokens": 4, "temperature": 0},
        CHAT: {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "temperature": 0},
        RESPONSES: {"input": "Hi", "max_output_tokens": 16, "temperature": 0}}
ANSWERS = ("400", "ignored", "given back", "unknown", "—")
PARSERS = ("request_parser_chat.cpp", "request_parser_completions.cpp", "request_parser_responses.cpp", "request_fields.cpp",
           "sampling_fields.cpp", "answer_terms.cpp", "input_parser.cpp")


def table_below(title: str) -> list:
    """The rows of the first table below this heading, each a list of its cells."""
    text = (ROOT / "docs/api.md").read_text().split(f"\n### {title}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in text.split("\n") if line.startswith("|")]
    assert set(lines[1]) <= set("|-"), lines[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def example_of(row: list) -> dict:
    return json.loads(row[3].strip("`"))


FEATURES = table_below("What is not in this release, and what is ignored")
CASES = [pytest.param(path, row[column], example_of(row), id=f"{path.rsplit('/', 1)[1]}-{number}-{next(iter(example_of(row)))}")
         for number, row in enumerate(FEATURES) for column, path in ((1, CHAT), (2, RESPONSES))]


def names_below(title: str) -> set:
    """Of the first column; a row that begins with a dash is about a part of the field above it."""
    return {name for row in table_below(title) if not row[0].startswith("—") for name in re.findall(r"`(\w+)`", row[0])}


def documented(path: str) -> set:
    columns = {CHAT: 1, RESPONSES: 2}  # completions have no column: their own table is the whole
    of_features = {name for row in FEATURES for name in example_of(row)
                   if path in columns and row[columns[path]] in ANSWERS[:3]}
    return names_below("Of all three") | names_below(SECTIONS[path]) | of_features


def text_of(path: str, answer: dict) -> str:
    if path == COMPLETIONS:
        return answer["choices"][0]["text"]
    return answer["choices"][0]["message"]["content"] if path == CHAT else answer["output"][0]["content"][0]["text"]


@pytest.fixture(scope="module")
def plain_text(server):
    return {path: text_of(path, server.post(path, body).json()) for path, body in BASE.items()}


def knows(server, path: str, name: str) -> bool:
    """Asked beside a field that nobody knows, so that nothing is computed."""
    error = server.post(path, {**BASE[path], name: None, "no such field": 1}).json()["error"]
    unknown = error["param"] == name and "is not a known field" in error["message"]
    assert unknown or error["param"] == "no such field" or name in ("messages", "input", "prompt"), error
    return not unknown


def test_the_table_is_there():
    assert len(FEATURES) >= 45
    assert {answer for row in FEATURES for answer in row[1:3]} == set(ANSWERS)


@pytest.mark.parametrize("path, wanted, example", CASES)
def test_each_row(server, plain_text, path, wanted, example):
    if wanted == "—":  # what the other route calls its messages
        return
    answer = server.post(path, {**BASE[path], **example})
    if wanted in ("400", "unknown"):
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert re.match(r"\w+", error["param"])[0] in example, error
        assert error["code"] == ("not_supported" if wanted == "400" else "invalid_value"), error
        assert ("not in this release" if wanted == "400" else "is not a known field") in error["message"], error
        return
    assert answer.status_code == 200, answer.text
    if "stream" in example:
        assert "[DONE]" in answer.text
        return
    body = answer.json()
    if "messages" not in example and "input" not in example:
        assert text_of(path, body) == plain_text[path]
    for name, value in example.items():
        if wanted == "given back":
            assert body[name] == value


@pytest.mark.parametrize("path", BASE)
def test_the_route_knows_what_the_page_names_and_no_more(server, path):
    named = documented(path)
    literals = {name for file in PARSERS for name in re.findall(r'"([a-z_]+)"', (ROOT / "net" / file).read_text())}
    everywhere = documented(CHAT) | documented(RESPONSES) | documented(COMPLETIONS) | literals
    assert len(everywhere) > 90
    assert {name for name in everywhere if knows(server, path, name)} == named


def test_all_fields_of_openai_are_on_the_page():
    for path, classes in ((CHAT, (chat_params.CompletionCreateParamsBase, chat_params.CompletionCreateParamsStreaming)),
                          (RESPONSES, (response_params.ResponseCreateParamsBase, response_params.ResponseCreateParamsStreaming)),
                          (COMPLETIONS, (completion_params.CompletionCreateParamsBase, completion_params.CompletionCreateParamsStreaming))):
        theirs = {name for one in classes for name in one.__annotations__}
        assert len(theirs) > 17
        assert theirs - documented(path) == set()


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize("nothing", [None, False, 0, "", [], {}])
def test_what_asks_for_nothing_is_taken(server, path, nothing):
    """Of all fields that are not in this release, at once."""
    column = 1 if path == CHAT else 2
    names = {name for row in FEATURES if row[column] == "400" for name in example_of(row)}
    names -= {"messages", "input", "tool_choice", "response_format", "text", "include", "modalities", "verbosity"}
    assert len(names) >= 8
    answer = server.post(path, {**BASE[path], **dict.fromkeys(names, nothing)})
    assert answer.status_code == 200, answer.text
