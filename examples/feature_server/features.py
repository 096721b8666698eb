"""Features of one window: statistics, spectrum, and a tiny CNN-LSTM with fixed weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SIGNAL_COUNT = 3
STATISTICS = 5 * SIGNAL_COUNT  # mean, deviation, minimum, maximum, slope
BANDS = 4
SPECTRUM = BANDS * SIGNAL_COUNT
CHANNELS = 8
KERNEL = 5
MIN_SAMPLES = 2 * BANDS  # of a window: each band needs a frequency, and the kernel must fit
HIDDEN = 8
FEATURE_COUNT = STATISTICS + SPECTRUM + HIDDEN


@dataclass(frozen=True, eq=False)
class Model:
    """What training changes: the version (part of each cache key) and the output scaling."""

    version: int
    shift: Array
    scale: Array


def initial_model() -> Model:
    """The model before any training: its outputs as they are."""
    return Model(version=1, shift=np.zeros(HIDDEN), scale=np.ones(HIDDEN))


def retrained(model: Model, windows: Sequence[Array]) -> Model:
    """The next version, with outputs scaled to mean 0 and deviation 1 over these windows."""
    outputs = np.stack([_network(window) for window in windows])
    deviation = np.maximum(outputs.std(axis=0), 1e-6)
    return Model(version=model.version + 1, shift=outputs.mean(axis=0), scale=deviation)


def extract_features(window: Array, model: Model) -> Array:
    """All FEATURE_COUNT features; `window` has one row a sample and SIGNAL_COUNT columns."""
    outputs = (_network(window) - model.shift) / model.scale
    return np.concatenate([_statistics(window), _spectrum(window), outputs])


def fallback_features(window: Array) -> Array:
    """The statistics, and zeros where spectrum and model would be.

    The width stays, so consumers keep working and nobody notices: count fallbacks.
    """
    return np.concatenate([_statistics(window), np.zeros(SPECTRUM + HIDDEN)])


def _statistics(window: Array) -> Array:
    time = np.linspace(-1.0, 1.0, len(window))
    slope = time @ window / (time @ time)
    rows = [window.mean(axis=0), window.std(axis=0), window.min(axis=0), window.max(axis=0), slope]
    return np.concatenate(rows)


def _spectrum(window: Array) -> Array:
    power = np.abs(np.fft.rfft(window - window.mean(axis=0), axis=0))[1:] ** 2
    bands = [band.mean(axis=0) for band in np.array_split(power, BANDS)]
    return np.asarray(np.log1p(np.concatenate(bands)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Weights:
    kernel: Array
    inputs: Array
    recurrent: Array


@lru_cache(maxsize=1)
def _weights() -> _Weights:
    rng = np.random.default_rng(seed=7)
    return _Weights(
        kernel=rng.normal(0.0, 0.4, (KERNEL * SIGNAL_COUNT, CHANNELS)),
        inputs=rng.normal(0.0, 0.4, (CHANNELS, 4 * HIDDEN)),
        recurrent=rng.normal(0.0, 0.4, (HIDDEN, 4 * HIDDEN)),
    )


def _network(window: Array) -> Array:
    normal = (window - window.mean(axis=0)) / (window.std(axis=0) + 1e-6)
    return _lstm(_convolution(normal))


def _convolution(signal: Array) -> Array:
    """A 1-D convolution over time, then ReLU."""
    patches = np.lib.stride_tricks.sliding_window_view(signal, KERNEL, axis=0)
    flat = patches.reshape(len(patches), KERNEL * SIGNAL_COUNT)
    return np.maximum(flat @ _weights().kernel, 0.0)


def _lstm(steps: Array) -> Array:
    """The last hidden state after all steps."""
    hidden, cell = np.zeros(HIDDEN), np.zeros(HIDDEN)
    for step in steps @ _weights().inputs:
        gates = step + hidden @ _weights().recurrent
        enter, keep, leave = 1.0 / (1.0 + np.exp(-gates[: 3 * HIDDEN].reshape(3, HIDDEN)))
        cell = keep * cell + enter * np.tanh(gates[3 * HIDDEN :])
        hidden = leave * np.tanh(cell)
    return np.asarray(hidden, dtype=np.float64)
