"""Writes a Llama-3-8B-shaped GGUF file of seeded random weights at a trained model's scale, for benches. With --tokenizer it has that of another
GGUF file (of which the beginning is enough), filled up to the model's vocabulary, so that it can be served.

    make_random_gguf.py OUT.gguf bf16|q4_1|q8_0 [--layers 32] [--tokenizer OTHER.gguf]
"""

import argparse
import struct

import numpy

HIDDEN, FEED, HEADS, KV_HEADS, VOCABULARY, CONTEXT = 4096, 14336, 32, 8, 128256, 8192
DEVIATION = 0.02
TYPES = {"f32": (0, 1, 4), "q4_1": (3, 32, 20), "q8_0": (8, 32, 34), "bf16": (30, 1, 2)}  # number, weights, bytes
POOL_BYTES = 64 << 20  # of random bytes; tensors take them from different places


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


class header_reader:
    """The metadata of a GGUF file, as bytes."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data, self.at = file.read(64 << 20), 24
        self.count = struct.unpack_from("<Q", self.data, 16)[0]

    def take(self, form):
        out = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return out

    def value(self, kind):
        if kind == 9:
            of, count = self.take("<IQ")
            return [self.value(of) for _ in range(count)]
        if kind == 8:
            (size,) = self.take("<Q")
            self.at += size
            return self.data[self.at - size:self.at]
        return self.take("<" + {4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}[kind])[0]

    def pairs(self):
        """Key, value, and the bytes of both."""
        for _ in range(self.count):
            begin = self.at
            key = self.value(8).decode()
            value = self.value(self.take("<I")[0])
            yield key, value, self.data[begin:self.at]


def tokenizer_of(path):
    for key, value, whole in header_reader(path).pairs():
        if key == "tokenizer.ggml.tokens":
            value += [f"\u0120extra{i}".encode() for i in range(len(value), VOCABULARY)]
            whole = text(key) + struct.pack("<IIQ", 9, 8, VOCABULARY)
            whole += b"".join(struct.pack("<Q", len(each)) + each for each in value)
        elif key == "tokenizer.ggml.token_type":
            value += [1] * (VOCABULARY - len(value))
            whole = text(key) + struct.pack(f"<IIQ{VOCABULARY}i", 9, 5, VOCABULARY, *value)
        if key.startswith("tokenizer."):
            yield whole


def pool_of(kind, random):
    count = POOL_BYTES // TYPES[kind][2]
    if kind == "bf16":
        values = (random.standard_normal(count, numpy.float32) * DEVIATION).view(numpy.uint32)
        return (values >> 16).astype(numpy.uint16).tobytes()
    blocks = random.integers(0, 256, (count, TYPES[kind][2]), numpy.uint8)
    scales = numpy.empty((count, 2), numpy.float16)
    scales[:, 0] = DEVIATION / (4.6 if kind == "q4_1" else 74) * random.uniform(0.7, 1.3, count)
    scales[:, 1] = -7.5 * scales[:, 0]
    width = 4 if kind == "q4_1" else 2
    blocks[:, :width] = scales.view(numpy.uint8).reshape(count, 4)[:, :width]
    return blocks.tobytes()


def tensors_of(layers, kind):
    yield "token_embd.weight", (HIDDEN, VOCABULARY), kind
    narrow = HIDDEN // HEADS * KV_HEADS
    for i in range(layers):
        for name, shape, of in (("attn_norm", (HIDDEN,), "f32"), ("attn_q", (HIDDEN, HIDDEN), kind),
                                ("attn_k", (HIDDEN, narrow), kind), ("attn_v", (HIDDEN, narrow), kind),
                                ("attn_output", (HIDDEN, HIDDEN), kind), ("ffn_norm", (HIDDEN,), "f32"),
                                ("ffn_gate", (HIDDEN, FEED), kind), ("ffn_up", (HIDDEN, FEED), kind),
                                ("ffn_down", (FEED, HIDDEN), kind)):
            yield f"blk.{i}.{name}.weight", shape, of
    yield "output_norm.weight", (HIDDEN,), "f32"
    yield "output.weight", (HIDDEN, VOCABULARY), kind


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("kind", choices=["bf16", "q4_1", "q8_0"])
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--tokenizer")
    arguments = parser.parse_args()
    numbers = {"block_count": arguments.layers, "embedding_length": HIDDEN, "feed_forward_length": FEED,
               "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS, "context_length": CONTEXT}
    values = [text("general.architecture") + struct.pack("<I", 8) + text("llama")]
    values += [text(f"llama.{key}") + struct.pack("<II", 4, value) for key, value in numbers.items()]
    values += [text(f"llama.{key}") + struct.pack("<If", 6, value)
               for key, value in (("attention.layer_norm_rms_epsilon", 1e-5), ("rope.freq_base", 500000.0))]
    if arguments.tokenizer:
        values += tokenizer_of(arguments.tokenizer)
    infos, offset, sizes = [], 0, []
    for name, shape, kind in tensors_of(arguments.layers, arguments.kind):
        number, weights, bytes_each = TYPES[kind]
        size = int(numpy.prod(shape, dtype=numpy.int64)) // weights * bytes_each
        infos.append(text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, number, offset))
        sizes.append((size, kind))
        offset += (size + 31) // 32 * 32
    header = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(values)) + b"".join(values) + b"".join(infos)
    pool = memoryview(pool_of(arguments.kind, numpy.random.default_rng(1)))
    unit = TYPES[arguments.kind][2]
    with open(arguments.out, "wb", buffering=0) as file:
        file.write(header + bytes(-len(header) % 32))
        for place, (size, kind) in enumerate(sizes):
            if kind == "f32":
                file.write(numpy.ones(size // 4, numpy.float32).tobytes())
            else:
                at, left = place * 7919 * unit % (len(pool) // unit * unit), size
                while left > 0:
                    left -= file.write(pool[at:min(len(pool) // unit * unit, at + left)])
                    at = 0
            file.write(bytes(-size % 32))


main()
