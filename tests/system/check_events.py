#!/usr/bin/env python3
"""Checks logs of response events against the invariants that every run must keep.

    check_events.py LOG.jsonl [--baseline OTHER.jsonl] [--allow-open]

One JSON object a line, in the order in which one reader saw them:
    {"stream": "a", "event": {"type": "response.created", "sequence_number": 0, ...}}
    {"stream": "b", "rejected": {"status": 429, "error": {...}}}
A line that is an event itself belongs to the stream "" (a log of one response).

Checked, for each stream:
    1  an accepted request ends exactly once; a rejected one has no events;
    2  sequence numbers are 0, 1, 2, ...: no gap, no repeat, nothing after the terminal event; the events come in
       the order of a response's life;
    5  what was delivered is what the closing events and the usage say: deltas = text, at least one token a delta,
       total = input + output, and a response cut by max_output_tokens has exactly so many.
With --baseline also 4: both logs hold the same streams, and each has the same events with the same text.

Exit status: 0 all kept; 1 with a line for each violation; 2 the log could not be read.
"""

import argparse
import json
import sys

TERMINAL = ("response.completed", "response.incomplete", "response.failed")
DELTA = "response.output_text.delta"
# Before the deltas and after them, each exactly once, unless the response fails.
OPENING = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
CLOSING = ["response.output_text.done", "response.content_part.done", "response.output_item.done"]


def check_numbers(events: list) -> list:
    """Invariant 2."""
    problems = []
    for expected, event in enumerate(events):
        number = event.get("sequence_number")
        if number != expected or isinstance(number, bool):
            problems.append(f"invariant 2: event {expected} ({event.get('type')}) has sequence_number {number!r}")
            break  # one gap shifts all that follow
    return problems


def check_life(events: list, allow_open: bool) -> list:
    """Invariant 1, and the order of invariant 2."""
    types = [event.get("type") for event in events]
    ends = [i for i, name in enumerate(types) if name in TERMINAL]
    problems = []
    if len(ends) > 1:
        problems.append(f"invariant 1: {len(ends)} terminal events")
    if not ends:
        if not allow_open:
            problems.append(f"invariant 1: no terminal event after {len(events)} events")
    elif ends[0] != len(events) - 1:
        problems.append(f"invariant 2: {types[ends[0] + 1]} after the terminal event")
    body = types[: ends[0]] if ends else types
    whole = bool(ends) and types[ends[0]] != "response.failed"
    wanted = OPENING + [DELTA] * body.count(DELTA) + CLOSING
    if body != (wanted if whole else wanted[: len(body)]):
        problems.append(f"invariant 2: the events are not in the order of a response's life: {squeeze(types)}")
    return problems


def squeeze(types: list) -> str:
    """The types, repeated ones once with their count."""
    parts = []
    for name in types:
        if parts and parts[-1][0] == name:
            parts[-1][1] += 1
        else:
            parts.append([name, 1])
    return ", ".join(name if count == 1 else f"{name} x {count}" for name, count in parts)


def check_text(events: list) -> list:
    """Invariant 5, the text."""
    deltas = [event.get("delta") for event in events if event.get("type") == DELTA]
    problems = []
    if not all(isinstance(delta, str) and delta for delta in deltas):
        problems.append("invariant 5: a delta is empty or no string")
    text = "".join(delta for delta in deltas if isinstance(delta, str))
    for event in events:
        kind = event.get("type")
        said = None
        if kind == "response.output_text.done":
            said = event.get("text")
        elif kind == "response.content_part.done":
            said = event.get("part", {}).get("text")
        elif kind == "response.output_item.done":
            said = output_text([event.get("item", {})])
        elif kind in ("response.completed", "response.incomplete"):
            said = output_text(event.get("response", {}).get("output") or [])
        else:
            continue
        if said != text:
            problems.append(f"invariant 5: {kind} says {said!r}, the deltas {text!r}")
    return problems


def output_text(items: list) -> str:
    return "".join(part.get("text", "") for item in items for part in item.get("content") or [])


def check_usage(events: list) -> list:
    """Invariant 5, the counts."""
    last = events[-1] if events else {}
    if last.get("type") not in ("response.completed", "response.incomplete"):
        return []
    response = last.get("response", {})
    usage = response.get("usage")
    if not usage:
        return ["invariant 5: the terminal event has no usage"]
    deltas = sum(event.get("type") == DELTA for event in events)
    problems = []
    if usage["output_tokens"] < deltas:
        problems.append(f"invariant 5: {deltas} deltas but {usage['output_tokens']} output tokens")
    if usage["total_tokens"] != usage["input_tokens"] + usage["output_tokens"]:
        problems.append(f"invariant 5: the total of {usage} is no sum")
    limit = response.get("max_output_tokens")
    if limit is not None and usage["output_tokens"] > limit:
        problems.append(f"invariant 5: {usage['output_tokens']} output tokens, more than the {limit} asked for")
    if last["type"] == "response.incomplete" and limit is not None and usage["output_tokens"] != limit:
        problems.append(f"invariant 5: cut at {limit} tokens, but usage says {usage['output_tokens']}")
    return problems


def check_items(events: list) -> list:
    """Invariant 5, the life of the item and of the response: ids, states, and the object in each event."""
    last = events[-1] if events else {}
    cut = last.get("type") == "response.incomplete"
    problems = []
    item_ids = {e["item"].get("id") for e in events if isinstance(e.get("item"), dict)}
    item_ids |= {e["item_id"] for e in events if "item_id" in e}
    response_ids = {e["response"].get("id") for e in events if isinstance(e.get("response"), dict)}
    if len(item_ids) > 1 or len(response_ids) > 1:
        problems.append(f"invariant 5: more than one id: {sorted(map(str, item_ids | response_ids))}")
    for event in events:
        kind, item, response = event.get("type", ""), event.get("item"), event.get("response")
        if isinstance(item, dict) and "status" in item:
            wanted = "in_progress" if kind.endswith("added") else "incomplete" if cut else "completed"
            if item["status"] != wanted:
                problems.append(f"invariant 5: the item of {kind} is {item['status']}, not {wanted}")
        if isinstance(response, dict) and "status" in response:
            wanted = kind.removeprefix("response.") if kind in TERMINAL else "in_progress"
            if response["status"] != wanted:
                problems.append(f"invariant 5: the response of {kind} is {response['status']}")
            if (response.get("usage") is not None) != (kind in TERMINAL[:2]):
                problems.append(f"invariant 5: usage of {kind} is {response.get('usage')}")
            if (response.get("completed_at") is not None) != (kind == "response.completed"):
                problems.append(f"invariant 5: completed_at of {kind} is {response.get('completed_at')}")
    done = [e["item"] for e in events if e.get("type") == "response.output_item.done"]
    if done and last.get("type") in TERMINAL[:2] and last["response"].get("output") != done:
        problems.append("invariant 5: the response's output is not the item that was done")
    return problems


def check_framing(raw: bytes, whole: bool = True) -> tuple:
    """(violations, events) of an SSE stream's bytes: each event is `event: TYPE`, one `data` line and a blank
    line, LF only; comments may stand between; [DONE] is last if the stream is whole."""
    problems = []
    if b"\r" in raw:
        problems.append("framing: a carriage return")
    if raw and not raw.endswith(b"\n\n"):
        problems.append(f"framing: it ends inside an event: {raw[-80:]!r}")
    blocks = [block for block in raw.split(b"\n\n") if block and not block.startswith(b":")]
    done = b"data: [DONE]"
    if whole != (bool(blocks) and blocks[-1] == done):
        problems.append("framing: [DONE] is not last" if whole else "framing: [DONE] in a part of a stream")
    events = []
    for block in blocks[:-1] if blocks and blocks[-1] == done else blocks:
        lines = block.split(b"\n")
        if len(lines) != 2 or not lines[0].startswith(b"event: ") or not lines[1].startswith(b"data: {"):
            problems.append(f"framing: not an `event` and a `data` line: {block[:80]!r}")
            continue
        events.append(json.loads(lines[1][6:]))
        if lines[0][7:].decode() != events[-1].get("type"):
            problems.append(f"framing: {lines[0]!r} is not the type {events[-1].get('type')}")
    return problems, events


def check_stream(events: list, rejected=None, allow_open: bool = False) -> list:
    """Every violation in one stream, as sentences."""
    if rejected is not None:
        return [f"invariant 1: rejected, and still {len(events)} events"] if events else []
    return check_numbers(events) + check_life(events, allow_open) + check_text(events) + check_usage(events) + check_items(events)


def check_equal(events: list, baseline: list) -> list:
    """Invariant 4: the same response as in an undisturbed run."""
    def outline(which):
        return [(e.get("type"), e.get("sequence_number"), e.get("delta")) for e in which]

    for number, (ours, theirs) in enumerate(zip(outline(events), outline(baseline))):
        if ours != theirs:
            return [f"invariant 4: event {number} is {ours}, in the undisturbed run {theirs}"]
    if len(events) != len(baseline):
        return [f"invariant 4: {len(events)} events, in the undisturbed run {len(baseline)}"]
    return []


def read_log(path: str) -> dict:
    """stream → (events, rejection or None)."""
    streams = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                continue
            record = json.loads(line)
            named = "event" in record or "rejected" in record
            events, rejected = streams.setdefault(record.get("stream", "") if named else "", ([], None))
            if "rejected" in record:
                streams[record.get("stream", "")] = (events, record["rejected"])
            else:
                events.append(record["event"] if named else record)
    return streams


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("--baseline", help="log of an undisturbed run of the same requests")
    parser.add_argument("--allow-open", action="store_true", help="streams may lack their end")
    options = parser.parse_args(arguments)
    try:
        streams = read_log(options.log)
        baseline = read_log(options.baseline) if options.baseline else None
    except (OSError, ValueError) as problem:
        print(f"the log could not be read: {problem}", file=sys.stderr)
        return 2
    violations = 0
    for name, (events, rejected) in streams.items():
        found = check_stream(events, rejected, options.allow_open)
        if baseline is not None and name in baseline:
            found += check_equal(events, baseline[name][0])
        for problem in found:
            print(f"{name or 'stream'}: {problem}")
        violations += len(found)
    if baseline is not None and baseline.keys() != streams.keys():
        print(f"invariant 4: the logs hold different streams: {sorted(baseline.keys() ^ streams.keys())}")
        violations += 1
    print(f"{len(streams)} streams, {sum(len(events) for events, _ in streams.values())} events, {violations} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
