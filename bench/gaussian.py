"""Windowed Gaussian, a detector whose score in the benchmark is published: 39.6."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

PUBLISHED = 39.6
WINDOW_ROWS, STEP_ROWS = 6400, 100
#: How unlikely a value must be; the benchmark lets each detector have the best for it.
TAILS = tuple(2.0**-bits for bits in range(20, 54))


def tails(values: Sequence[float]) -> Iterator[float]:
    """How unlikely each value is after those before it, as the benchmark's own detector says."""
    begun = 0
    mean, deviation = 0.0, 1.0
    for row, value in enumerate(values):
        # Nothing is known of the first.
        yield 0.5 * math.erfc(abs(value - mean) / deviation / math.sqrt(2)) if row else 1.0
        if row + 1 - begun >= WINDOW_ROWS + STEP_ROWS:
            begun += STEP_ROWS
        if row < WINDOW_ROWS or row + 1 - begun == WINDOW_ROWS:
            window = np.asarray(values[begun : row + 1])
            mean, deviation = float(window.mean()), float(window.std()) or 1e-6
