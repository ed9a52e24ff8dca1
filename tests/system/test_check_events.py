"""The checker itself: it must find each kind of damage, or its silence proves nothing."""

import copy
import json

import check_events
import pytest


def good_stream(words=("The", " capital", " is", " Paris.")) -> list:
    text = "".join(words)
    item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    events = [{"type": name} for name in check_events.OPENING]
    events += [{"type": check_events.DELTA, "delta": word} for word in words]
    events += [{"type": "response.output_text.done", "text": text},
               {"type": "response.content_part.done", "part": {"type": "output_text", "text": text}},
               {"type": "response.output_item.done", "item": item},
               {"type": "response.completed", "response": {
                   "output": [item], "max_output_tokens": 16,
                   "usage": {"input_tokens": 9, "output_tokens": len(words) + 1, "total_tokens": len(words) + 10}}}]
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return events


def test_a_good_stream_passes():
    assert check_events.check_stream(good_stream()) == []
    assert check_events.check_stream(good_stream(())) == []


def drop_a_delta(events):
    del events[5]


def repeat_an_event(events):
    events.insert(6, copy.deepcopy(events[5]))


def lose_the_end(events):
    del events[-1]


def end_twice(events):
    events.append({**copy.deepcopy(events[-1]), "sequence_number": len(events)})


def go_on_after_the_end(events):
    events.append({"type": check_events.DELTA, "delta": "x", "sequence_number": len(events)})


def swap_two(events):
    events[2]["type"], events[3]["type"] = events[3]["type"], events[2]["type"]


def change_a_word(events):
    events[6]["delta"] = " was"


def count_too_few(events):
    events[-1]["response"]["usage"] = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}


def add_up_wrongly(events):
    events[-1]["response"]["usage"]["total_tokens"] += 1


def start_at_one(events):
    for event in events:
        event["sequence_number"] += 1


def end_the_item_before_its_time(events):
    events[2]["item"] = {"status": "completed"}


def finish_an_unfinished_item(events):
    events[-2]["item"] = {**events[-2]["item"], "status": "incomplete"}


def change_the_id(events):
    events[5]["item_id"], events[6]["item_id"] = "msg_1", "msg_2"


def return_another_item(events):
    events[-1]["response"]["output"] = [{**events[-2]["item"], "id": "msg_9"}]


def be_completed_early(events):
    events[1]["response"] = {"status": "completed"}


@pytest.mark.parametrize("damage", [drop_a_delta, repeat_an_event, lose_the_end, end_twice, go_on_after_the_end,
                                    swap_two, change_a_word, count_too_few, add_up_wrongly, start_at_one,
                                    end_the_item_before_its_time, finish_an_unfinished_item, change_the_id,
                                    return_another_item, be_completed_early])
def test_damage_is_found(damage):
    events = good_stream()
    damage(events)
    assert check_events.check_stream(events)


def framed(events: list) -> bytes:
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()


def test_good_framing_passes():
    raw = framed(good_stream())
    assert check_events.check_framing(raw + b"data: [DONE]\n\n") == ([], good_stream())
    assert check_events.check_framing(b": keep-alive\n\n" + raw, whole=False)[0] == []


@pytest.mark.parametrize("raw", [
    framed(good_stream()),
    framed(good_stream()) + b"data: [DONE]\n",
    framed(good_stream()).replace(b"\n", b"\r\n") + b"data: [DONE]\n\n",
    framed(good_stream()).replace(b"event: response.created", b"event: response.completed") + b"data: [DONE]\n\n",
    framed(good_stream()).replace(b"event: ", b"id: 7\nevent: ") + b"data: [DONE]\n\n",
    framed(good_stream()).replace(b"event: response.created\n", b"") + b"data: [DONE]\n\n",
    b"data: [DONE]\n\n" + framed(good_stream()),
])
def test_bad_framing_is_found(raw):
    assert check_events.check_framing(raw)[0]


def test_a_failed_stream_may_end_anywhere_but_once():
    events = good_stream()[:6]
    events.append({"type": "response.failed", "sequence_number": 6, "response": {}})
    assert check_events.check_stream(events) == []


def test_a_rejected_request_never_runs():
    assert check_events.check_stream([], rejected={"status": 429}) == []
    assert check_events.check_stream(good_stream(), rejected={"status": 429})


def test_two_runs_are_compared():
    assert check_events.check_equal(good_stream(), good_stream()) == []
    assert check_events.check_equal(good_stream(("a", "b")), good_stream(("a", "c")))
    assert check_events.check_equal(good_stream(("ab",)), good_stream(("a", "b")))


def test_as_a_program(tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    other = tmp_path / "other.jsonl"
    lines = [json.dumps({"stream": "a", "event": event}) for event in good_stream()]
    lines.append(json.dumps({"stream": "b", "rejected": {"status": 429}}))
    log.write_text("\n".join(lines) + "\n")
    assert check_events.main([str(log)]) == 0
    assert "2 streams, 12 events, 0 violations" in capsys.readouterr().out
    other.write_text("\n".join(lines[:-3]) + "\n")
    assert check_events.main([str(other)]) == 1
    assert check_events.main([str(log), "--baseline", str(other)]) == 1
    assert check_events.main([str(tmp_path / "none")]) == 2
