"""Writes requests in OpenAI's batch format: greedy answers of one length to different prompts of single-token words.

    make_batch.py OUT.jsonl REQUESTS WORDS MAX_TOKENS
"""

import json
import random
import sys

WORDS = ("time year people way day man thing woman life child world school state family group hand part place case week "
         "work point number night water room mother area money story").split()


def main():
    out, requests, words, tokens = sys.argv[1], *map(int, sys.argv[2:5])
    source = random.Random(requests)
    with open(out, "w") as file:
        for i in range(requests):
            prompt = " ".join(source.choice(WORDS) for _ in range(words))
            body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": tokens, "temperature": 0,
                    "ignore_eos": True}
            file.write(json.dumps({"custom_id": str(i), "method": "POST", "url": "/v1/chat/completions", "body": body}) + "\n")


main()
