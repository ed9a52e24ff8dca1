"""Makes the card fault in the middle of a stream, and compares it with one that was left alone.

    fault_in_stream.py URL TOKENS TOKEN_OF_THE_FAULT
"""

import json
import sys
import time
import urllib.request


def post(url, body):
    return urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}),
                                  timeout=120)


def stream(url, tokens, at=None):
    """Text, times of its events, and what ended it."""
    text, times, end = "", [], None
    body = {"messages": [{"role": "user", "content": "Tell a long story about a river."}], "max_tokens": tokens, "temperature": 0,
            "ignore_eos": True, "stream": True}
    for line in post(url + "/v1/chat/completions", body):
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        for choice in event.get("choices", []):
            text += choice["delta"].get("content") or ""
            end = choice["finish_reason"] or end
        times.append(time.monotonic())
        if at is not None and len(times) == at:
            post(url + "/admin/faults", {"part": "engine", "fault": "device"})
    return text, times, end


def main():
    url, tokens, at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    alone, times, end = stream(url, tokens)
    print(f"left alone: {len(times)} events, {len(alone.encode())} bytes, {end}, {times[-1] - times[0]:.2f} s")
    for _ in range(3):
        text, times, end = stream(url, tokens, at)
        pauses = [(b - a, i) for i, (a, b) in enumerate(zip(times, times[1:]))]
        print(f"with a fault: {len(times)} events, {len(text.encode())} bytes, {end}, {'the same' if text == alone else 'ANOTHER TEXT'}; "
              f"longest pauses {', '.join(f'{1e3 * pause:.0f} ms after event {i + 1}' for pause, i in sorted(pauses)[:-3:-1])}")


main()
