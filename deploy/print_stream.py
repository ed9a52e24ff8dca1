"""Prints the text of a chat completion stream (server-sent events on standard input) as it arrives.

Exit status: 0 after an answer that ended; 1 with a sentence where the stream held an error or no text.
"""

import json
import sys


def main() -> int:
    text = False
    ended = False
    for line in sys.stdin:
        line = line.strip()
        if line.startswith("{"):  # not a stream at all: an error object as plain JSON
            line = "data: " + line
        if not line.startswith("data: "):
            continue
        if line == "data: [DONE]":
            break
        event = json.loads(line[len("data: "):])
        if "error" in event:
            print(f"\nThe server answered with an error: {event['error'].get('message')}", file=sys.stderr)
            return 1
        for choice in event.get("choices", []):
            piece = choice.get("delta", {}).get("content")
            if piece:
                text = True
                print(piece, end="", flush=True)
            ended = ended or choice.get("finish_reason") is not None
    print(flush=True)
    if not (text and ended):
        print("The server sent no complete answer.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
