"""`troupe batch`: OpenAI's batch format, and a run that is killed again and again and loses or repeats nothing."""

import json
import random
import signal
import subprocess
import time

import pytest
from troupe_server import BINARY, MODEL, ROOT, clean_environment, scaled

CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"


def chat_line(number: int, **fields) -> dict:
    body = {"messages": [{"role": "user", "content": f"Tell a tale of {number} rivers."}], "max_tokens": 12, **fields}
    return {"custom_id": f"chat-{number}", "method": "POST", "url": CHAT, "body": body}


def response_line(number: int, **fields) -> dict:
    body = {"input": f"Tell a tale of {number} hills.", "max_output_tokens": 16, **fields}
    return {"custom_id": f"resp-{number}", "method": "POST", "url": RESPONSES, "body": body}


def completion_line(number: int, **fields) -> dict:
    body = {"prompt": f"The tale of {number} seas begins", "max_tokens": 10, **fields}
    return {"custom_id": f"text-{number}", "method": "POST", "url": COMPLETIONS, "body": body}


def write_lines(path, lines) -> None:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))


def start(source, target, *flags) -> subprocess.Popen:
    command = [str(BINARY), "batch", str(source), str(target), "--model", str(MODEL), *flags]
    return subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(source, target, *flags) -> tuple[int, str]:
    process = start(source, target, *flags)
    printed, _ = process.communicate(timeout=scaled(80))
    return process.returncode, printed


def results(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_ids_and_times(value):
    """What two runs must agree on."""
    if isinstance(value, dict):
        return {key: without_ids_and_times(entry) for key, entry in value.items()
                if key not in ("id", "request_id", "created", "created_at", "completed_at", "cached_tokens")}
    return [without_ids_and_times(entry) for entry in value] if isinstance(value, list) else value


def comparable(path) -> list[str]:
    return sorted(json.dumps([line["custom_id"], without_ids_and_times(line)], sort_keys=True) for line in results(path))


def test_formats_and_errors(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_lines(source, [
        chat_line(1, temperature=0), response_line(1, temperature=0),
        "", "{torn", '{"custom_id": "no-url", "method": "POST", "body": {}}', '{"method": "POST"}',
        chat_line(2, temperature=9), chat_line(3, stream=True), response_line(2, background=True),
        {**chat_line(4), "method": "GET"}, {**chat_line(5), "url": "/v1/embeddings"}, chat_line(6, model="another"),
        completion_line(1, n=2, temperature=1)])
    code, printed = run(source, target)
    assert code == 1 and "9 of 12 requests failed" in printed, printed
    lines = results(target)
    assert len(lines) == 12
    by_id = {line["custom_id"]: line for line in lines}
    for line in lines:
        assert set(line) == {"id", "custom_id", "response", "error"} and line["id"].startswith("batch_req_")
        assert (line["response"] is None) != (line["error"] is None)
    chat, response = by_id["chat-1"]["response"], by_id["resp-1"]["response"]
    assert chat["status_code"] == response["status_code"] == 200 and chat["request_id"].startswith("req_")
    assert chat["body"]["object"] == "chat.completion" and chat["body"]["choices"][0]["message"]["content"]
    assert response["body"]["object"] == "response" and response["body"]["output"][0]["content"][0]["text"]
    choices = by_id["text-1"]["response"]["body"]["choices"]
    assert [choice["index"] for choice in choices] == [0, 1] and choices[0]["text"] != choices[1]["text"]
    status = {name: by_id[name]["response"]["status_code"] for name in
              ("chat-2", "chat-3", "resp-2", "chat-5", "chat-6")}
    assert status == {"chat-2": 400, "chat-3": 400, "resp-2": 400, "chat-5": 404, "chat-6": 404}
    assert by_id["chat-2"]["response"]["body"]["error"]["param"] == "temperature"
    assert by_id["no-url"]["error"]["code"] == "invalid_line"
    assert by_id["chat-4"]["error"]["code"] == "invalid_method"
    nameless = sorted((line["error"]["line"], line["error"]["code"]) for line in lines if line["custom_id"] is None)
    assert nameless == [(4, "invalid_json"), (6, "invalid_line")]
    # Again: nothing to do, nothing twice, the same exit code.
    before = target.read_bytes()
    code, printed = run(source, target)
    assert code == 1 and target.read_bytes() == before


@pytest.mark.limit_s(180)
def test_killed_again_and_again(tmp_path):
    source = tmp_path / "in.jsonl"
    lines = [make(number, temperature=0.8) for number in range(14) for make in (chat_line, response_line, completion_line)]
    lines[7] = "{not json"
    write_lines(source, lines)
    undisturbed, target = tmp_path / "undisturbed.jsonl", tmp_path / "out.jsonl"
    code, printed = run(source, undisturbed)
    assert code == 1 and "1 of 42 requests failed" in printed, printed
    dice = random.Random(5)
    kills = 0
    for round_ in range(1, 5):
        process = start(source, target, "--concurrency", "6")
        goal = round_ * 8 + dice.randrange(4)  # results that must be there
        end = time.monotonic() + scaled(60)
        while process.poll() is None and (not target.exists() or target.read_bytes().count(b"\n") < goal):
            assert time.monotonic() < end
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait(10)
        if round_ % 2:  # as if the machine had gone down in the middle of a write
            with open(target, "r+b") as file:
                file.truncate(target.stat().st_size - dice.randrange(1, 9))
    assert kills >= 3
    kept = target.read_bytes()
    code, printed = run(source, target)
    assert code == 1 and "are in" in printed, printed
    whole = kept[:kept.rfind(b"\n") + 1]
    assert target.read_bytes().startswith(whole)
    names = [line["custom_id"] for line in results(target)]
    assert len(names) == len(set(names)) == 42
    assert comparable(target) == comparable(undisturbed)


def test_interrupted_says_how_to_go_on(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_lines(source, [chat_line(number, max_tokens=200) for number in range(100)])
    process = start(source, target, "--concurrency", "2")
    end = time.monotonic() + scaled(60)
    while not target.exists() or target.read_bytes().count(b"\n") < 1:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=scaled(30))
    assert process.returncode == 128 + signal.SIGTERM
    assert "the same command goes on from there" in printed


def test_refused_before_anything_runs(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"

    def refused(words: str) -> None:
        before = target.read_bytes() if target.exists() else None
        code, printed = run(source, target)
        assert code != 0 and words in printed, printed
        assert (target.read_bytes() if target.exists() else None) == before

    refused("cannot be read")
    write_lines(source, [])
    refused("has no request in it")
    write_lines(source, [chat_line(1), chat_line(2), chat_line(1)])
    refused("twice, in lines 1 and 3")
    write_lines(source, [chat_line(1)])
    write_lines(target, ["somebody's notes", "and more of them"])
    refused("no result of a batch")
    write_lines(target, [{"id": "batch_req_1", "custom_id": "other", "response": {"status_code": 200}, "error": None}])
    refused("which is not in")
    code, printed = run(source, source)
    assert code == 2 and "same file" in printed
