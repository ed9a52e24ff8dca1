#!/usr/bin/env python3
"""Writes dequantized.bin: random blocks of every quantized type, and what the `gguf` package makes of them.

For each type of TYPES in order: 3 rows of 512 columns as a file stores them, then their float32 values.
Needs: pip install gguf numpy.   Run: make_dequantized.py > dequantized.bin
"""

import sys

import gguf
import numpy as np

ROWS, COLUMNS = 3, 512
# Type, and the bytes of a block where its fp16 numbers stand.
TYPES = [("Q4_0", [0]), ("Q4_1", [0, 2]), ("Q5_0", [0]), ("Q5_1", [0, 2]), ("Q8_0", [0]), ("Q2_K", [80, 82]),
         ("Q3_K", [108]), ("Q4_K", [0, 2]), ("Q5_K", [0, 2]), ("Q6_K", [208]), ("IQ4_NL", [0])]


def random_rows(rng, kind, halves):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (ROWS * COLUMNS // elements, size), dtype=np.uint8)
    for at in halves:  # finite, of both signs, from subnormal to large
        numbers = (rng.choice([-1.0, 1.0], len(blocks)) * 2.0 ** rng.uniform(-24, 8, len(blocks))).astype(np.float16)
        blocks[:, at:at + 2] = numbers.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(ROWS, -1)


def main():
    rng = np.random.Generator(np.random.PCG64(7))
    for name, halves in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        rows = random_rows(rng, kind, halves)
        values = gguf.quants.dequantize(rows, kind).astype("<f4")
        assert values.shape == (ROWS, COLUMNS)
        sys.stdout.buffer.write(rows.tobytes() + values.tobytes())


if __name__ == "__main__":
    main()
