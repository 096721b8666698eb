"""PromQL's binary operators."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.vectors import (
    NAME,
    EvaluationError,
    Labels,
    Series,
    Vector,
    any_present,
    by_signature,
    drop,
    keep,
    put,
    without_name,
)

Scalar = float | np.ndarray

ARITHMETIC: dict[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISON: dict[str, Callable] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS = ("and", "or", "unless")


@dataclass(frozen=True)
class Matching:
    """How the series of two vectors find each other."""

    #: The labels that are compared, or else those that are not.
    labels: frozenset[str] = frozenset()
    on: bool = False
    #: Which side may have many: "left", "right" or none.
    many: str = ""
    included: tuple[str, ...] = ()
    returns_bool: bool = False

    def signature(self, labels: Labels) -> Labels:
        """What of a series' labels is compared."""
        return keep(labels, self.labels) if self.on else drop(labels, self.labels | {NAME})


def of_scalars(operator: str, left: Scalar, right: Scalar) -> Scalar:
    """An operator between two scalars; a comparison gives 1 or 0."""
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](left, right)
    return np.asarray(COMPARISON[operator](left, right), dtype=float)[()]


def with_scalar(
    operator: str, vector: Vector, scalar: Scalar, *, swapped: bool, returns_bool: bool
) -> Vector:
    """An operator between a vector and a scalar, which is the left one if `swapped`."""
    result: Vector = {}
    for labels, series in vector.items():
        left, right = (scalar, series.values) if swapped else (series.values, scalar)
        kept = labels if operator in COMPARISON and not returns_bool else without_name(labels)
        put(result, kept, _applied(operator, left, right, series, returns_bool))
    return result


def _applied(operator, left, right, kept: Series, returns_bool: bool) -> Series:
    """What a comparison keeps of a series, or what an arithmetic operator makes of it."""
    if operator in ARITHMETIC:
        return Series(ARITHMETIC[operator](left, right), kept.present)
    holds = COMPARISON[operator](left, right)
    if returns_bool:
        return Series(holds.astype(float), kept.present)
    return Series(kept.values, kept.present & holds)


def of_sets(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """`and`, `or`, `unless`."""
    if operator == "or":
        return _or(left, right, matching)
    others = by_signature(right, matching.signature)
    result: Vector = {}
    for labels, series in left.items():
        found = [each for _, each in others.get(matching.signature(labels), ())]
        there = any_present(found, len(series.present))
        present = series.present & (there if operator == "and" else ~there)
        put(result, labels, Series(series.values, present))
    return result


def _or(left: Vector, right: Vector, matching: Matching) -> Vector:
    others = by_signature(left, matching.signature)
    result: Vector = dict(left)
    for labels, series in right.items():
        found = [each for _, each in others.get(matching.signature(labels), ())]
        present = series.present & ~any_present(found, len(series.present))
        put(result, labels, Series(series.values, present))
    return result


def of_vectors(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """Arithmetic and comparisons between two vectors.

    Raises:
        EvaluationError: one series would have several partners.

    """
    swapped = matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    partners = by_signature(one, matching.signature)
    result: Vector = {}
    for labels, series in many.items():
        found = partners.get(matching.signature(labels), [])
        _check_one(found)
        for other_labels, other in found:
            present = series.present & other.present
            sides = (other.values, series.values) if swapped else (series.values, other.values)
            # A comparison keeps the value of the left side.
            kept = Series(sides[0], present)
            made = _applied(operator, *sides, kept, matching.returns_bool)
            put(result, _result_labels(operator, labels, other_labels, matching), made)
    return result


def _check_one(found: list[tuple[Labels, Series]]) -> None:
    """At no moment two of them."""
    for number, (labels, series) in enumerate(found):
        for _, other in found[:number]:
            if (series.present & other.present).any():
                raise EvaluationError(f"many-to-many matching not allowed: {dict(labels)}")


def _result_labels(operator, labels: Labels, others: Labels, matching: Matching) -> Labels:
    if operator in ARITHMETIC or matching.returns_bool:
        labels = without_name(labels)
    if not matching.many:
        return matching.signature(labels) if matching.on else drop(labels, matching.labels)
    extra = keep(others, frozenset(matching.included))
    return tuple(sorted((*drop(labels, frozenset(matching.included)), *extra)))
