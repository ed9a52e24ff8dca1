"""Sums up the steps in a debug log of one run: rate from node_ready to the last step, and what lies between decoding steps.

    steps_of.py LOG OUTPUT_TOKENS [DEVICE_US_OF_A_DECODING_STEP]
"""

import datetime
import re
import statistics
import sys


def time_of(line):
    return datetime.datetime.strptime(line.split()[0], "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()


def main():
    path, tokens = sys.argv[1], int(sys.argv[2])
    device_us = float(sys.argv[3]) if len(sys.argv) > 3 else None
    ready, last, steps = None, None, []
    with open(path) as file:
        for line in file:
            if " node_ready" in line:
                ready, steps = time_of(line), []
            elif " step_ended " in line:
                last = time_of(line)
                steps.append({key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)})
    wall = last - ready
    print(f"{tokens} tokens, {wall:.3f} s, {tokens / wall:.0f} tokens/s, {len(steps)} steps, "
          f"{sum(each['step_us'] for each in steps) / 1e6:.3f} s in steps, {sum(each['gap_us'] for each in steps) / 1e6:.3f} s between")
    mixed = [each for each in steps if each["tokens"] > each["sequences"]]
    if mixed:
        print(f"steps with prompts: {len(mixed)}, {sum(e['tokens'] for e in mixed)} tokens, {sum(e['step_us'] for e in mixed) / 1e6:.3f} s, "
              f"median {statistics.median(e['tokens'] for e in mixed)} tokens, {statistics.median(e['step_us'] for e in mixed) / 1e3:.2f} ms")
    plain = [each for each in steps if each["tokens"] == each["sequences"]]
    for size in sorted({each["sequences"] for each in plain}):
        some = [each for each in plain if each["sequences"] == size]
        if len(some) < 8:
            continue
        step, gap = (statistics.median(each[key] for each in some) for key in ("step_us", "gap_us"))
        text = f"decoding {size}: {len(some)} steps, median {step} us, between {gap} us ({100 * gap / (step + gap):.2f}%)"
        if device_us:
            text += f", device idle {100 * (step + gap - device_us) / (step + gap):.2f}%"
        print(text)


main()
