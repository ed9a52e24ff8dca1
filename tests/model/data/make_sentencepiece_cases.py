#!/usr/bin/env python3
"""Writes sentencepiece_cases.json: strings, and the ids that SentencePiece's own library gives them.

The model is built from the vocabulary and scores of a GGUF file with tokenizer.ggml.model = "llama", so the file
is the only input.
Needs: pip install gguf sentencepiece.   Run: make_sentencepiece_cases.py MODEL.gguf > sentencepiece_cases.json
The output is a function of the model and of the library versions that it names.
"""

import importlib.metadata
import json
import random
import sys

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from make_tokenizer_cases import HAND, random_text

MORE = ["<table><tr><td>a</td></tr></table>", "a\n\n\nb", "\n\n  \n", "  two  spaces   three", "\t\tx", "▁a▁▁b", "a >  </b>",
        "x> </y", "> </", "<start_of_image>", "1234567890", "naïve café", "\u0378\U000f1234", "<0x41>", " <b> ", "a <i> b"]


def build(path):
    fields = gguf.GGUFReader(path).fields
    get = lambda key, default=None: fields[key].contents() if key in fields else default
    model = sentencepiece_model_pb2.ModelProto()
    kind = sentencepiece_model_pb2.ModelProto.SentencePiece.Type
    kinds = {1: kind.NORMAL, 2: kind.UNKNOWN, 3: kind.CONTROL, 4: kind.USER_DEFINED, 5: kind.UNUSED, 6: kind.BYTE}
    unknown = get("tokenizer.ggml.unknown_token_id", 0)
    rows = zip(get("tokenizer.ggml.tokens"), get("tokenizer.ggml.scores"), get("tokenizer.ggml.token_type"))
    for i, (text, score, number) in enumerate(rows):
        piece = model.pieces.add()
        piece.piece = text.replace(" ", "▁") if number == 4 else text
        piece.score = score
        piece.type = kind.UNKNOWN if i == unknown else kinds[number]
    model.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.unk_id = unknown
    model.trainer_spec.unk_piece = model.pieces[unknown].piece
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = get("tokenizer.ggml.add_space_prefix", True)
    model.normalizer_spec.remove_extra_whitespaces = False
    model.normalizer_spec.escape_whitespaces = True
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def main():
    processor = build(sys.argv[1])
    rng = random.Random(20240131)
    texts = list(dict.fromkeys(HAND + MORE + [random_text(rng) for _ in range(500)]))
    # A zero byte ends a string inside the library.
    cases = [{"text": text, "ids": processor.encode(text)} for text in texts if "\0" not in text]
    print(json.dumps({"sentencepiece": importlib.metadata.version("sentencepiece"), "cases": ["CASES"]}).replace(
        '"CASES"', "\n" + ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases) + "\n"))


if __name__ == "__main__":
    main()
