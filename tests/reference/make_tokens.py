"""Writes tests/reference/data/english.tokens: the token ids of english.txt under the default model's tokenizer.

    python tests/reference/make_tokens.py MODEL.gguf
"""
import pathlib
import sys

from gguf import GGUFReader
from tokenizers import Tokenizer, models, pre_tokenizers

here = pathlib.Path(__file__).parent / "data"
fields = GGUFReader(sys.argv[1]).fields


def strings(key):
    field = fields[key]
    return [bytes(field.parts[i]).decode("utf-8") for i in field.data]


vocabulary = {token: i for i, token in enumerate(strings("tokenizer.ggml.tokens"))}
merges = [tuple(merge.split(" ")) for merge in strings("tokenizer.ggml.merges")]
tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
ids = tokenizer.encode((here / "english.txt").read_text()).ids
lines = [" ".join(map(str, ids[i : i + 20])) for i in range(0, len(ids), 20)]
(here / "english.tokens").write_text("\n".join(lines) + "\n")
print(len(ids), "tokens")
