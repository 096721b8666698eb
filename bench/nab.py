"""The Numenta Anomaly Benchmark: its files, and what it gives for detections in them.

After A. Lavin and S. Ahmad, Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly
Benchmark (2015), arXiv:1510.03336, section II, and the benchmark's own documentation.
"""

import csv
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import BenchError

PROFILE = "standard"
#: The part of a file in which a detector may still learn, of so many rows at most.
PROBATION = 0.15
PROBATION_ROWS = 5000
# How steeply the worth of a detection falls towards the end of its window.
_STEEP = 5.0
# So many widths behind a window a detection is as wrong as anywhere.
_FAR = 3.0

#: First and last row.
Window = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One file: rows with a time, a value, and windows around what was wrong."""

    #: As in the labels: `realTweets/Twitter_volume_AAPL.csv`.
    name: str
    #: Unix times.
    times: list[int]
    values: list[float]
    windows: list[Window]

    @property
    def probation(self) -> int:
        """How many rows are not scored."""
        return math.floor(PROBATION * min(len(self.times), PROBATION_ROWS))


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What a profile gives for a window that is found, and takes for a missed one and for noise."""

    found: float
    missed: float
    noise: float


def read(folder: Path) -> list[Series]:
    """Every labelled file below a copy of the benchmark, by name.

    Raises:
        BenchError: the folder is no such copy.

    """
    labels = _json(folder / "labels" / "combined_windows.json")
    return [_series(folder / "data" / name, name, labels[name]) for name in sorted(labels)]


def weights(folder: Path) -> Weights:
    """Those of the standard profile.

    Raises:
        BenchError: the folder is no copy of the benchmark.

    """
    costs = _json(folder / "config" / "profiles.json")[PROFILE]["CostMatrix"]
    return Weights(found=costs["tpWeight"], missed=costs["fnWeight"], noise=costs["fpWeight"])


def score(
    corpus: Sequence[Series], detected: Mapping[str, Collection[int]], weights: Weights
) -> float:
    """What the detected rows of each series are worth, from silence 0 to perfection 100."""
    total = sum(file_score(series, detected[series.name], weights) for series in corpus)
    windows = sum(len(series.windows) for series in corpus)
    silence, perfection = -windows * weights.missed, windows * weights.found
    return 100 * (total - silence) / (perfection - silence)


def file_score(series: Series, rows: Collection[int], weights: Weights) -> float:
    """What detections are worth in one file: the best of each window, and all of the noise."""
    best = dict.fromkeys(series.windows, -weights.missed)
    noise = 0.0
    for row in rows:
        if row < series.probation:
            continue
        window = next((w for w in series.windows if w[0] <= row <= w[1]), None)
        if window:
            best[window] = max(best[window], weights.found * earliness(row, window))
        else:
            noise += weights.noise * wrongness(row, series.windows)
    return sum(best.values()) + noise


def earliness(row: int, window: Window) -> float:
    """1 at the beginning of the window, near 0 at its end."""
    first, last = window
    return _sigmoid(-(last - row + 1) / (last - first + 1)) / _sigmoid(-1.0)


def wrongness(row: int, windows: Sequence[Window]) -> float:
    """Near 0 just behind a window, -1 far from it, and -1 before the first."""
    before = [window for window in windows if window[1] < row]
    if not before:
        return -1.0
    first, last = max(before)
    return _sigmoid((row - last) / max(last - first, 1))


def _sigmoid(position: float) -> float:
    return -1.0 if position > _FAR else 2 / (1 + math.exp(_STEEP * position)) - 1


def _series(file: Path, name: str, labels: list[list[str]]) -> Series:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        times = [_time(row["timestamp"]) for row in rows]
        return Series(
            name=name,
            times=times,
            values=[float(row["value"]) for row in rows],
            windows=[
                (times.index(_time(first)), times.index(_time(last))) for first, last in labels
            ],
        )
    except (OSError, KeyError, ValueError) as error:
        raise BenchError(f"{file} is no file of the benchmark: {error}") from error


def _time(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"NAB_DATA names no copy of the benchmark: {error}") from error
