#!/usr/bin/env python3
"""Writes qwen_cases.json: strings, and the ids that Hugging Face's `tokenizers` gives them with the vocabulary of
DeepSeek-R1-Distill-Qwen-7B, whose first bytes deploy/fetch_test_models.sh fetches, cut as Qwen 2 cuts.

Needs: pip install gguf tokenizers transformers.
Run: make_qwen_cases.py models/DeepSeek-R1-Distill-Qwen-7B.header > qwen_cases.json
"""

import importlib.metadata
import json
import random
import sys
import tempfile

from make_tokenizer_cases import HAND, build, random_text, read_vocabulary


def main():
    header = bytearray(open(sys.argv[1], "rb").read())
    header[8:16] = bytes(8)  # no tensors: their bytes are not there
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(header)
        file.flush()
        vocabulary = read_vocabulary(file.name)
    built = build(vocabulary, "qwen2")
    rng = random.Random(20240131)
    texts = list(dict.fromkeys(HAND + [random_text(rng) for _ in range(300)]))
    cases = [{"text": text, "ids": built.encode(text, add_special_tokens=False).ids} for text in texts]
    print(json.dumps({"tokenizers": importlib.metadata.version("tokenizers"), "cases": ["CASES"]}).replace(
        '"CASES"', "\n" + ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases) + "\n"))


if __name__ == "__main__":
    main()
