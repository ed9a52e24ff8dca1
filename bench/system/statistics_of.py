"""What the benchmarks here say of a set of numbers."""

import random
import statistics

RESAMPLES = 2000


def percentile(values: list[float], share: float) -> float:
    """Nearest rank: a number that was measured."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000 * len(ordered)) // 1000) - 1)]


def median_interval(values: list[float], seed: int = 0) -> tuple[float, float, float]:
    """The median, and its 95% interval by bootstrap (Efron, 1979; percentile method)."""
    dice = random.Random(seed)
    medians = sorted(statistics.median(dice.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return statistics.median(values), medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]
