"""PromQL's functions of instant vectors."""

import re

import numpy as np

from simulator.vectors import (
    Labels,
    Series,
    Vector,
    by_signature,
    drop,
    labels_of,
    nameless,
    put,
    without_name,
)

LE = frozenset({"le"})


def _mapped(function):
    """A function of each value."""

    def apply(vector: Vector, *scalars) -> Vector:
        result: Vector = {}
        for labels, series in vector.items():
            made = Series(function(series.values, *scalars), series.present)
            put(result, without_name(labels), made)
        return result

    return apply


def _rounded(values, nearest=1.0):
    inverse = 1.0 / nearest
    return np.floor(values * inverse + 0.5) / inverse


VALUES = {
    "abs": _mapped(np.abs),
    "ceil": _mapped(np.ceil),
    "floor": _mapped(np.floor),
    "exp": _mapped(np.exp),
    "ln": _mapped(np.log),
    "log2": _mapped(np.log2),
    "log10": _mapped(np.log10),
    "sqrt": _mapped(np.sqrt),
    "sgn": _mapped(np.sign),
    "round": _mapped(_rounded),
    "clamp_min": _mapped(np.maximum),
    "clamp_max": _mapped(np.minimum),
    "clamp": _mapped(lambda values, low, high: np.maximum(low, np.minimum(high, values))),
}


def histogram_quantile(share, vector: Vector) -> Vector:
    """As Prometheus interpolates between the bounds of classic buckets."""
    result: Vector = {}
    buckets = {labels: series for labels, series in vector.items() if dict(labels).get("le")}
    for labels, members in by_signature(buckets, lambda each: drop(each, LE)).items():
        table = [(float(dict(each)["le"]), series) for each, series in members]
        put(result, without_name(labels), _quantile(share, sorted(table, key=lambda row: row[0])))
    return result


def _quantile(share, table: list[tuple[float, Series]]) -> Series:
    """A quantile for each set of buckets that is there at some moments."""
    presence = np.array([series.present for _, series in table])
    counts = np.array([series.values for _, series in table])
    bounds = np.array([bound for bound, _ in table])
    if (presence == presence[0]).all():
        return Series(_interpolated(share, bounds, counts), presence[0])
    values = np.full(presence.shape[1], np.nan)
    for pattern in np.unique(presence, axis=1).T:
        moments = (presence == pattern[:, None]).all(axis=0)
        values[moments] = _interpolated(share, bounds[pattern], counts[pattern][:, moments])
    return Series(values, presence.any(axis=0))


def _interpolated(share, bounds: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of buckets that are all there."""
    if len(bounds) < 2 or not np.isposinf(bounds[-1]):
        return np.full(counts.shape[1], np.nan)
    counts = np.maximum.accumulate(counts, axis=0)
    rank = share * counts[-1]
    place = np.minimum((counts[:-1] < rank).sum(axis=0), len(bounds) - 1)
    moment = np.arange(counts.shape[1])
    below = np.where(place > 0, counts[place - 1, moment], 0)
    begin = np.where(place > 0, bounds[place - 1], 0)
    within = (rank - below) / (counts[place, moment] - below)
    value = begin + (bounds[place] - begin) * within
    value = np.where((place == 0) & (bounds[0] <= 0), bounds[0], value)
    value = np.where(place == len(bounds) - 1, bounds[-2], value)
    return np.where(counts[-1] > 0, value, np.nan)


_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")


def _expanded(replacement: str, match: re.Match[str]) -> str:
    """As Go's regexp expands $1, ${1} and $$."""

    def one(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match[int(name) if name.isdigit() else name] or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(one, replacement)


def label_replace(vector: Vector, target: str, replacement: str, source: str, regex: str) -> Vector:
    """A label made of another one, where that matches."""
    pattern = re.compile(regex)

    def change(labels: Labels) -> Labels:
        values = dict(labels)
        match = pattern.fullmatch(values.get(source, ""))
        return (
            labels
            if match is None
            else labels_of({**values, target: _expanded(replacement, match)})
        )

    return _relabelled(vector, change)


def label_join(vector: Vector, target: str, separator: str, *sources: str) -> Vector:
    """A label made of others."""

    def change(labels: Labels) -> Labels:
        values = dict(labels)
        joined = separator.join(values.get(source, "") for source in sources)
        return labels_of({**values, target: joined})

    return _relabelled(vector, change)


def _relabelled(vector: Vector, change) -> Vector:
    result: Vector = {}
    for labels, series in vector.items():
        put(result, change(labels), series)
    return result


def as_scalar(vector: Vector, length: int) -> np.ndarray:
    """Its value where there is exactly one series, else not a number."""
    number = sum((each.present for each in vector.values()), np.zeros(length, dtype=int))
    values = np.full(length, np.nan)
    for each in vector.values():
        values = np.where(each.present, each.values, values)
    return np.where(number == 1, values, np.nan)


def absent(vector: Vector, labels: Labels, length: int) -> Vector:
    """1 where nothing is."""
    present = np.ones(length, dtype=bool)
    for each in vector.values():
        present &= ~each.present
    result: Vector = {}
    put(result, labels, Series(np.ones(length), present))
    return result


def timestamps(vector: Vector, times: np.ndarray) -> Vector:
    """The moments of the values."""
    return nameless({labels: Series(times, each.present) for labels, each in vector.items()})
