"""PromQL's aggregations over the series of a vector."""

from decimal import Decimal

import numpy as np

from simulator.vectors import (
    Labels,
    Series,
    Unsupported,
    Vector,
    any_present,
    by_signature,
    put,
)

#: More distinct values than that are no label.
MANY_VALUES = 64


def aggregate(name: str, vector: Vector, parameter, signature) -> Vector:
    """One series for each group; for `topk` and `bottomk`, some of the group's own."""
    result: Vector = {}
    for labels, members in by_signature(vector, signature).items():
        if name == "count_values":
            _count_values(result, labels, [each for _, each in members], parameter)
        elif name in ("topk", "bottomk"):
            _first(result, members, int(parameter), name == "topk")
        else:
            put(result, labels, SIMPLE[name]([each for _, each in members]))
    return result


def known(name: str) -> bool:
    """Whether the aggregation can be computed here."""
    return name in SIMPLE or name in ("count_values", "topk", "bottomk")


def _length(members: list[Series]) -> int:
    return len(members[0].present)


def _reduced(function: np.ufunc, neutral: float):
    def reduce(members: list[Series]) -> Series:
        if len(members) == 1:
            return members[0]
        filled = [np.where(each.present, each.values, neutral) for each in members]
        result = filled[0]
        for each in filled[1:]:
            result = function(result, each)
        return Series(result, any_present(members, _length(members)))

    return reduce


def _count(members: list[Series]) -> Series:
    number = np.zeros(_length(members))
    for each in members:
        number += each.present
    return Series(number, number > 0)


def _group(members: list[Series]) -> Series:
    return Series(np.ones(_length(members)), any_present(members, _length(members)))


def _mean(members: list[Series]) -> Series:
    total, number = SIMPLE["sum"](members), _count(members)
    return Series(total.values / np.maximum(number.values, 1), number.present)


SIMPLE = {
    "sum": _reduced(np.add, 0.0),
    "min": _reduced(np.fmin, np.inf),
    "max": _reduced(np.fmax, -np.inf),
    "count": _count,
    "group": _group,
    "avg": _mean,
}


def _count_values(result: Vector, labels: Labels, members: list[Series], label: str) -> None:
    values = {value for each in members for value in _distinct(each)}
    if len(values) > MANY_VALUES:
        raise Unsupported(f"count_values of more than {MANY_VALUES} values")
    for value in values:
        equal = [Series(each.values, each.present & (each.values == value)) for each in members]
        put(result, tuple(sorted({**dict(labels), label: as_label(value)}.items())), _count(equal))


def _distinct(series: Series) -> list[float]:
    there = series.values[series.present]
    # Most are the same value at all times, which is sooner seen than sorted.
    if len(there) and (there == there[0]).all():
        return [float(there[0])]
    return np.unique(there).tolist()


def as_label(value: float) -> str:
    """As Prometheus writes a value as a label: shortest, and without an exponent."""
    text = format(Decimal(repr(value)), "f")
    return text[:-2] if text.endswith(".0") else text


def _first(
    result: Vector, members: list[tuple[Labels, Series]], number: int, largest: bool
) -> None:
    worst = -np.inf if largest else np.inf
    table = np.array([np.where(each.present, each.values, worst) for _, each in members])
    order = np.argsort(-table if largest else table, axis=0, kind="stable")
    place = np.argsort(order, axis=0, kind="stable")
    for row, (labels, series) in enumerate(members):
        put(result, labels, Series(series.values, series.present & (place[row] < number)))
