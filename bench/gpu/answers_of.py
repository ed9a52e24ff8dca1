"""Lengths of the answers in a batch's results, and a digest of their texts: equal digests, equal answers.

    answers_of.py OUT.jsonl
"""

import collections
import hashlib
import json
import sys


def main():
    lengths, texts = collections.Counter(), []
    with open(sys.argv[1]) as file:
        for line in file:
            result = json.loads(line)
            body = result["response"]["body"]
            lengths[body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]] += 1
            texts.append((result["custom_id"], body["choices"][0]["message"]["content"]))
    print(f"{dict(lengths)} (prompt, answer); {hashlib.sha256(json.dumps(sorted(texts)).encode()).hexdigest()[:16]}")


main()
