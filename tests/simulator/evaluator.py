"""PromQL evaluated at all moments of a stretch of time at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import floor
from typing import Protocol

import numpy as np

from simulator import aggregations, functions, operators, windows
from simulator.expressions import (
    Aggregation,
    Binary,
    Call,
    Negative,
    Node,
    Number,
    Selector,
    Subquery,
)
from simulator.vectors import (
    NAME,
    Labels,
    Series,
    Unsupported,
    Vector,
    labels_of,
    put,
    without_name,
)

Value = Vector | float | str | np.ndarray


@dataclass(frozen=True)
class Clock:
    """When rules are evaluated, and when what they read is scraped."""

    step: float
    length: int
    #: Seconds from each scrape to the evaluation after it.
    phase: float = 0.0
    #: Whether a range has the scrape at its very beginning: Prometheus before 3.0.
    closed: bool = True

    def times(self, begin: int, end: int) -> np.ndarray:
        """The moments of evaluations, in seconds."""
        return np.arange(begin, end) * self.step


class Found(Protocol):
    """A series that a selector found, over all of time."""

    labels: Labels
    series: Series
    #: From its sample to the evaluation that sees it.
    phase: float
    #: 1 for what is recorded only after its reader, which sees the evaluation before.
    least: int


Find = Callable[[Selector], Iterator[Found]]


def cut(series: Series, begin: int, end: int) -> Series:
    """A stretch of a series; before the beginning of time nothing is there."""
    before = min(max(0, -begin), end - begin)
    parts = (each[max(begin, 0) : max(end, 0)] for each in series)
    if not before:
        return Series(*parts)
    return Series(*(np.concatenate((np.zeros(before, each.dtype), each)) for each in parts))


@dataclass
class Evaluation:
    """Evaluates trees over the moments from `begin` to before `end`."""

    clock: Clock
    find: Find
    begin: int
    end: int
    #: What is known already of a part, over all of time.
    known: dict[int, Value] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """How many moments."""
        return self.end - self.begin

    def value(self, node: Node) -> Value:
        """The value of an expression."""
        if id(node) in self.known:
            return self._stretch(self.known[id(node)])
        return _EVALUATED[type(node)](self, node)

    def vector(self, node: Node) -> Vector:
        """The value of an expression that is a vector."""
        value = self.value(node)
        if not isinstance(value, dict):
            raise Unsupported(f"a scalar where a vector is wanted: {node}")
        return value

    def _stretch(self, value: Value) -> Value:
        if isinstance(value, dict):
            result: Vector = {}
            for labels, series in value.items():
                put(result, labels, cut(series, self.begin, self.end))
            return result
        return value[self.begin : self.end] if isinstance(value, np.ndarray) else value

    def selector(self, node: Selector) -> Vector:
        """What an instant selector finds."""
        result: Vector = {}
        for found in self.find(node):
            back = max(found.least, windows.lag(self.clock.step, found.phase, node.offset))
            put(result, found.labels, cut(found.series, self.begin - back, self.end - back))
        return result

    def negative(self, node: Negative) -> Value:
        """A unary minus."""
        value = self.value(node.inner)
        if not isinstance(value, dict):
            return -value
        return operators.with_scalar("*", value, -1.0, swapped=False, returns_bool=False)

    def binary(self, node: Binary) -> Value:
        """A binary operator."""
        left, right = self.value(node.left), self.value(node.right)
        returns_bool = node.matching.returns_bool
        match isinstance(left, dict), isinstance(right, dict):
            case True, True if node.operator in operators.SETS:
                return operators.of_sets(node.operator, left, right, node.matching)
            case True, True:
                return operators.of_vectors(node.operator, left, right, node.matching)
            case True, False:
                return operators.with_scalar(
                    node.operator, left, right, swapped=False, returns_bool=returns_bool
                )
            case False, True:
                return operators.with_scalar(
                    node.operator, right, left, swapped=True, returns_bool=returns_bool
                )
        return operators.of_scalars(node.operator, left, right)

    def aggregation(self, node: Aggregation) -> Vector:
        """An aggregation."""
        parameter = None if node.parameter is None else self.value(node.parameter)
        return aggregations.aggregate(node.name, self.vector(node.inner), parameter, node.signature)

    def call(self, node: Call) -> Value:
        """A function."""
        if node.name in windows.FUNCTIONS:
            return self._over_range(windows.FUNCTIONS[node.name], node.arguments[0], node.name)
        if node.name in functions.VALUES:
            vector, *rest = map(self.value, node.arguments)
            return functions.VALUES[node.name](vector, *rest)
        return _SPECIAL[node.name](self, *node.arguments)

    def _over_range(self, function: Callable, node: Node, name: str) -> Vector:
        result: Vector = {}
        for labels, series, window in self._ranges(node):
            if window.count > 0:
                kept = (
                    labels
                    if name in ("last_over_time", "first_over_time")
                    else without_name(labels)
                )
                put(result, kept, function(series, window))
        return result

    def _ranges(self, node: Node) -> Iterator[tuple[Labels, Series, windows.Window]]:
        """Each series of a range, with the scrapes before the first moment that it needs."""
        assert isinstance(node, Selector | Subquery)
        for found in self.find(node) if isinstance(node, Selector) else self._inner(node):
            window = windows.window(
                node, self.clock.step, found.phase, found.least, self.clock.closed
            )
            begin, end = self.begin - window.oldest, self.end - window.newest
            if window.count > 0:
                yield found.labels, cut(found.series, begin, end), window

    def _inner(self, node: Subquery) -> Iterator[Found]:
        """What a subquery evaluates, from as far back as its range reaches."""
        back = floor((node.seconds + node.offset) / self.clock.step + 1)
        begin = max(0, self.begin - back)
        inner = Evaluation(self.clock, self.find, begin, self.end, self.known)
        for labels, series in inner.vector(node.inner).items():
            yield _Evaluated(labels, _padded(series, begin))


@dataclass(frozen=True)
class _Evaluated:
    labels: Labels
    series: Series
    phase: float = 0.0
    least: int = 0


def _padded(series: Series, number: int) -> Series:
    return Series(*(np.concatenate((np.zeros(number, each.dtype), each)) for each in series))


def _absent(scope: Evaluation, node: Node, vector: Vector | None = None) -> Vector:
    equal = node.equal if isinstance(node, Selector) else {}
    labels = labels_of({name: value for name, value in equal.items() if name != NAME})
    return functions.absent(scope.vector(node) if vector is None else vector, labels, scope.length)


def _absent_over_time(scope: Evaluation, node: Node) -> Vector:
    there = scope._over_range(windows.present_over_time, node, "present_over_time")
    return _absent(scope, node, there)


def _timestamp(scope: Evaluation, node: Node) -> Vector:
    times = scope.clock.times(scope.begin, scope.end)
    if not isinstance(node, Selector):
        return functions.timestamps(scope.vector(node), times)
    result: Vector = {}
    for found in scope.find(node):
        back = max(found.least, windows.lag(scope.clock.step, found.phase, node.offset))
        series = cut(found.series, scope.begin - back, scope.end - back)
        taken = times - back * scope.clock.step - found.phase
        put(result, without_name(found.labels), Series(taken, series.present))
    return result


def _constant(scope: Evaluation, node: Node) -> Vector:
    values = np.broadcast_to(np.asarray(scope.value(node), dtype=float), (scope.length,))
    return {(): Series(values, np.ones(scope.length, dtype=bool))}


def _relabel(function: Callable) -> Callable:
    def apply(scope: Evaluation, node: Node, *texts: Node) -> Vector:
        return function(scope.vector(node), *map(scope.value, texts))

    return apply


def _quantile(scope: Evaluation, share: Node, node: Node) -> Vector:
    return functions.histogram_quantile(scope.value(share), scope.vector(node))


def _none(scope: Evaluation, *nodes: Node) -> Vector:
    for node in nodes:
        scope.value(node)
    return {}


_SPECIAL: dict[str, Callable] = {
    "time": lambda scope: scope.clock.times(scope.begin, scope.end),
    "vector": _constant,
    "scalar": lambda scope, node: functions.as_scalar(scope.vector(node), scope.length),
    "absent": _absent,
    "absent_over_time": _absent_over_time,
    "timestamp": _timestamp,
    "label_replace": _relabel(functions.label_replace),
    "label_join": _relabel(functions.label_join),
    "sort": lambda scope, node: scope.vector(node),
    "sort_desc": lambda scope, node: scope.vector(node),
    "histogram_quantile": _quantile,
    # They make nothing of plain numbers, and there are no native histograms here.
    "histogram_count": _none,
    "histogram_sum": _none,
    "histogram_avg": _none,
    "histogram_fraction": _none,
}
_EVALUATED: dict[type, Callable] = {
    Selector: Evaluation.selector,
    Number: lambda _, node: node.value,
    Negative: Evaluation.negative,
    Binary: Evaluation.binary,
    Aggregation: Evaluation.aggregation,
    Call: Evaluation.call,
}
