"""The rules over all of time, those too that read what they said before.

A rule that nothing feeds back to is evaluated at all moments at once. Rules that read each other
in a circle are evaluated over a stretch with a guess of what they will have said, and again from
the first moment at which they said otherwise: an alert changes rarely, so few guesses do.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from simulator.alert_state import Patience, State, states
from simulator.evaluator import Clock, Evaluation
from simulator.expressions import Node, Selector, Subquery, inner, selectors
from simulator.rules import PENDING, Rule, Rules, components, readers
from simulator.vectors import NAME, EvaluationError, Labels, Series, Vector, put

SHORTEST, LONGEST = 256, 32768


@dataclass(frozen=True)
class Found:
    """What the evaluator asks of a series."""

    labels: Labels
    series: Series
    phase: float
    least: int


@dataclass
class Simulation:
    """The samples of a world, and what the rules make of them."""

    rules: Rules
    samples: Vector
    clock: Clock
    #: Of each rule what it recorded, over all of time.
    recorded: list[Vector] = field(default_factory=list)
    #: Rules that Prometheus would refuse to evaluate at some moment, and why.
    failed: dict[str, str] = field(default_factory=dict)

    def run(self) -> "Simulation":
        """Evaluate everything."""
        every = self.rules.evaluated
        self.recorded = [{} for _ in every]
        self._reads = readers(self.rules)
        self._matched: dict[tuple[int, Labels], bool] = {}
        self._scraped: dict[str, Vector] = {}
        for labels, series in self.samples.items():
            self._scraped.setdefault(dict(labels)[NAME], {})[labels] = series
        with np.errstate(all="ignore"):
            for circle in components(self._reads):
                _Circle(self, circle).run()
        return self

    def series(self) -> Vector:
        """Everything that was recorded."""
        result: Vector = {}
        for vector in self.recorded:
            for labels, series in vector.items():
                put(result, labels, series)
        return result

    def find(self, reader: int, selector: Selector) -> Iterator[Found]:
        """What the selector of a rule finds; of what is recorded later, the evaluation before."""
        for labels, series in self._raw(selector):
            yield Found(labels, series, self.clock.phase, 0)
        for number in sorted(self._reads[reader]):
            least = int(number >= reader)
            for labels, series in self.recorded[number].items():
                if self._is_selected(selector, labels):
                    yield Found(labels, series, 0.0, least)

    def _is_selected(self, selector: Selector, labels: Labels) -> bool:
        key = (id(selector), labels)
        if key not in self._matched:
            self._matched[key] = selector.matches(labels)
        return self._matched[key]

    def _raw(self, selector: Selector) -> list[tuple[Labels, Series]]:
        name = selector.equal.get(NAME)
        found = self._scraped.get(name, {}) if name else self.samples
        return [each for each in found.items() if self._is_selected(selector, each[0])]


class _Circle:
    """Rules that read each other, or one alone."""

    def __init__(self, simulation: Simulation, numbers: list[int]) -> None:
        self.of = simulation
        self.rules = {number: simulation.rules.evaluated[number] for number in numbers}
        self.fed_back = {
            number
            for reader in numbers
            for number in simulation._reads[reader]
            if number in self.rules and number >= reader
        }
        length = simulation.clock.length
        self.known = {number: self._known(number) for number in numbers}
        self.states: dict[tuple[int, Labels], State] = {}
        self.length = length

    def run(self) -> None:
        """Evaluate the rules over all of time."""
        if not self.fed_back:
            for number in self.rules:
                self._evaluate(number, 0, self.length, {})
            return
        begin, size = 0, SHORTEST
        while begin < self.length:
            end = min(begin + size, self.length)
            try:
                right = self._guess(begin, end)
            except EvaluationError:
                # The guess may be at fault. At one moment alone nothing is guessed.
                size = 1
                continue
            size = min(size * 2, LONGEST) if right == end else SHORTEST
            begin = right

    def _guess(self, begin: int, end: int) -> int:
        """Evaluate a stretch until what was guessed is what was said, or up to where it is not."""
        self._assume_the_same(begin, end)
        right = self._attempt(begin, end)
        if right == begin + 1 < end:
            # What differs at each moment may be what it was said to be just now.
            with suppress(EvaluationError):
                right = self._attempt(right, end)
        return right

    def _assume_the_same(self, begin: int, end: int) -> None:
        """Guess that all goes on as at the moment before."""
        for number in self.rules:
            for values, present in self.of.recorded[number].values():
                values[begin:end] = values[begin - 1] if begin else 0
                present[begin:end] = present[begin - 1] if begin else False

    def _attempt(self, begin: int, end: int) -> int:
        """Evaluate once; up to which moment the guesses were right, that one included."""
        conditions: dict[tuple[int, Labels], np.ndarray] = {}
        right = end
        for number in self.rules:
            before = self._stretch(number, begin, end) if number in self.fed_back else {}
            self._evaluate(number, begin, end, conditions)
            if number in self.fed_back:
                right = min(right, begin + self._first_difference(number, before, begin, end) + 1)
        self._remember(conditions, right - begin)
        return right

    def _stretch(self, number: int, begin: int, end: int) -> Vector:
        return {
            labels: Series(series.values[begin:end].copy(), series.present[begin:end].copy())
            for labels, series in self.of.recorded[number].items()
        }

    def _first_difference(self, number: int, before: Vector, begin: int, end: int) -> int:
        """The first moment at which a rule said something else than was guessed."""
        first = end - begin
        for labels, series in self.of.recorded[number].items():
            values, present = series.values[begin:end], series.present[begin:end]
            old = before.get(labels)
            if old is None:
                differs = present
            else:
                same = (values == old.values) | (np.isnan(values) & np.isnan(old.values))
                differs = (present != old.present) | (present & ~same)
            places = np.flatnonzero(differs)
            first = min(first, places[0]) if len(places) else first
        return first

    def _evaluate(self, number: int, begin: int, end: int, conditions: dict) -> None:
        """Let a rule record what it says in a stretch."""
        rule = self.rules[number]
        scope = Evaluation(
            self.of.clock, lambda each: self.of.find(number, each), begin, end, self.known[number]
        )
        try:
            value = self._said(rule, scope)
        except EvaluationError as error:
            if self.fed_back and end - begin > 1:
                raise
            self.of.failed[rule.title] = str(error)
            value = {}
        if rule.alert:
            value = self._alerts(number, value, scope, conditions)
        self._write(number, value, begin, end)

    @staticmethod
    def _said(rule: Rule, scope: Evaluation) -> Vector:
        vector: Vector = {}
        for labels, series in scope.vector(rule.tree).items():
            put(vector, rule.made(labels), series)
        return vector

    def _alerts(self, number: int, value: Vector, scope: Evaluation, conditions: dict) -> Vector:
        """ALERTS of an alert whose condition holds for these series."""
        rule = self.rules[number]
        result: Vector = {}
        known = {labels for of, labels in self.states if of == number}
        nowhere = np.zeros(scope.length, dtype=bool)
        for labels in (*value, *(known - value.keys())):
            condition = value[labels].present if labels in value else nowhere
            conditions[number, labels] = condition
            state = self.states.get((number, labels), State())
            firing, pending, _ = states(condition, self._patience(rule), state)
            one = np.ones(scope.length)
            put(result, labels, Series(one, firing))
            put(result, _with_state(labels, PENDING), Series(one, pending))
        return result

    def _patience(self, rule: Rule) -> Patience:
        return Patience.of(rule.hold, rule.keep, self.of.clock.step)

    def _remember(self, conditions: dict, steps: int) -> None:
        """What each alert knows after the part of a stretch that is right."""
        for (number, labels), condition in conditions.items():
            patience = self._patience(self.rules[number])
            state = self.states.get((number, labels), State())
            *_, after = states(condition[:steps], patience, state)
            self.states[number, labels] = after

    def _write(self, number: int, value: Vector, begin: int, end: int) -> None:
        recorded = self.of.recorded[number]
        for labels in value.keys() - recorded.keys():
            size = self.of.clock.length
            recorded[labels] = Series(np.zeros(size), np.zeros(size, dtype=bool))
        for labels, series in recorded.items():
            made = value.get(labels)
            series.present[begin:end] = False if made is None else made.present
            if made is not None:
                series.values[begin:end] = made.values

    def _known(self, number: int) -> dict:
        """Parts of a rule that nothing of the circle feeds back to, over all of time."""
        if not self.fed_back:
            return {}
        scope = Evaluation(
            self.of.clock, lambda each: self.of.find(number, each), 0, self.of.clock.length
        )
        known = {}
        for part in self._constant(self.rules[number].tree):
            # What can't be evaluated at some moment is left to be evaluated at each.
            with suppress(EvaluationError):
                known[id(part)] = scope.value(part)
        return known

    def _constant(self, node: Node) -> Iterator[Node]:
        own = list(selectors(node))
        if not own:
            return
        if any(rule.may_be_read(each) for each in own for rule in self.rules.values()):
            for part in inner(node):
                yield from self._constant(part)
        elif not (isinstance(node, Subquery) or (isinstance(node, Selector) and node.seconds)):
            yield node


def _with_state(labels: Labels, state: str) -> Labels:
    return tuple((name, state if name == "alertstate" else value) for name, value in labels)
