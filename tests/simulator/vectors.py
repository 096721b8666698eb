"""Instant vectors over time: for each label set, a value and a presence at every evaluation."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np

NAME = "__name__"

#: Pairs of name and value, sorted, the metric's name among them.
Labels = tuple[tuple[str, str], ...]


class EvaluationError(Exception):
    """Prometheus would refuse to evaluate this, too: more than one series where one must be."""


class Unsupported(Exception):  # noqa: N818  # it is no fault of the rule
    """PromQL that the simulator does not know."""


class Series(NamedTuple):
    """The values of one label set, and where there is one; elsewhere they mean nothing."""

    values: np.ndarray
    present: np.ndarray


Vector = dict[Labels, Series]


def labels_of(mapping: dict[str, str]) -> Labels:
    """The label set; an empty value is no label."""
    return tuple(sorted((name, value) for name, value in mapping.items() if value))


@cache
def keep(labels: Labels, names: frozenset[str]) -> Labels:
    """Only the named ones."""
    return tuple(pair for pair in labels if pair[0] in names)


@cache
def drop(labels: Labels, names: frozenset[str]) -> Labels:
    """All but the named ones."""
    return tuple(pair for pair in labels if pair[0] not in names)


_NAME_ALONE = frozenset({NAME})


def without_name(labels: Labels) -> Labels:
    """All but the metric's name."""
    return drop(labels, _NAME_ALONE)


def put(vector: Vector, labels: Labels, series: Series) -> None:
    """Add a series, beside one of the same labels that is there at other moments.

    Raises:
        EvaluationError: both are there at one moment.

    """
    there = vector.get(labels)
    if there is not None:
        if (there.present & series.present).any():
            raise EvaluationError(f"two series have the labels {dict(labels)}")
        series = either(there, series)
    elif not series.present.any():
        return
    vector[labels] = series


def either(first: Series, second: Series) -> Series:
    """The first where it is present, else the second."""
    return Series(
        np.where(first.present, first.values, second.values), first.present | second.present
    )


def nameless(vector: Vector) -> Vector:
    """The series without the metric's name."""
    result: Vector = {}
    for labels, series in vector.items():
        put(result, without_name(labels), series)
    return result


def any_present(series: Iterable[Series], length: int) -> np.ndarray:
    """Where at least one is present."""
    result = np.zeros(length, dtype=bool)
    for each in series:
        result |= each.present
    return result


def by_signature(vector: Vector, signature) -> dict[Labels, list[tuple[Labels, Series]]]:
    """The series grouped by what of their labels is compared."""
    groups: dict[Labels, list[tuple[Labels, Series]]] = {}
    for labels, series in vector.items():
        groups.setdefault(signature(labels), []).append((labels, series))
    return groups
