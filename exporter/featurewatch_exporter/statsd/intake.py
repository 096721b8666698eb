"""Takes many lines at once.

Most lines are like an earlier one but for their values. So a line is cut in three, its name and its
tail are looked up, and its values wait with those of others like it until `flush`, which adds up
each such heap at once.
"""

from collections.abc import Callable, Sequence

from featurewatch import names
from featurewatch_exporter.config import StatsdSource
from featurewatch_exporter.health import Health
from featurewatch_exporter.rules import Rule, rescale_all
from featurewatch_exporter.statsd.book import Plan, RuleBook, Target
from featurewatch_exporter.statsd.dialects import TYPES, LineError, Parts, cut, number, text
from featurewatch_exporter.totals import Totals, Values

#: Names and tails that are kept at once. Beyond this they do not come again, so all are forgotten.
MOST_KNOWN = 20_000
#: Tails of one name that are kept, where the same without their tags will do.
_MOST_TAILS = 100
#: What faults of whole lines are logged as.
LINES = "lines"
#: Characters of what was sent, in the log.
_SHOWN = 100
#: What stands in values of which every one is plain; a sign is looked at, for gauges.
_PLAIN = b"0123456789.:eE-"


def _ignore(values: bytes) -> None:
    """Do nothing with the values of a name that is not in the map."""


class _Tails(dict[bytes, Callable[[bytes], None]]):
    """What is done with the values of one name, by what follows them.

    Where *tags* do not matter, a tail that is new may be like an old one without them: clients can
    have another tag or time in every line.
    """

    def __init__(self, *, tags: bool) -> None:
        super().__init__()
        self._tags = tags

    def __missing__(self, tail: bytes) -> Callable[[bytes], None]:
        take = None if self._tags else self.get(_without_tags(tail))
        if take is None:
            raise KeyError(tail)
        if len(self) < _MOST_TAILS:
            self[tail] = take
        return take

    def learn(self, tail: bytes, take: Callable[[bytes], None]) -> None:
        """Do this from now on with values that are followed by *tail*."""
        self[tail if self._tags else _without_tags(tail)] = take


class _IgnoredTails(_Tails):
    """Of a name that is not in the map."""

    def __missing__(self, tail: bytes) -> Callable[[bytes], None]:
        return _ignore


def _without_tags(tail: bytes) -> bytes:
    kind, _, rest = tail.partition(b"|")
    if b"@" not in rest:
        return kind
    return b"|".join([kind, *(part for part in rest.split(b"|") if part.startswith(b"@"))])


class Heap:
    """Values that wait for one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.waiting: list[bytes] = []


class Intake:
    """The lines of one source, on their way into its totals."""

    def __init__(self, source: StatsdSource, totals: Totals, health: Health) -> None:
        self._totals = totals
        self._health = health
        self._stale_after = source.stale_after
        self._book = RuleBook(source.rules)
        self._durations_are_requests = not source.maps_requests
        self._heaps: dict[Plan, Heap] = {}
        self._tails: dict[bytes, _Tails] = {}
        self._known = 0
        self._forget()

    def take(self, lines: bytes) -> None:
        """Take lines, with a line feed between two of them; they count at the next flush."""
        tails = self._tails
        for line in lines.split(b"\n"):
            head, _, rest = line.partition(b":")
            values, _, tail = rest.partition(b"|")
            try:
                tails[head][tail](values)
            except KeyError:
                self._meet(line, Parts(head, values, tail))

    def flush(self) -> None:
        """Count what waits."""
        for heap in self._heaps.values():
            if heap.waiting:
                self._add_up(heap)
                heap.waiting.clear()  # the list itself is known by its tails

    def _meet(self, line: bytes, plainly: Parts) -> None:
        """Take a line that is like none before, and remember it if it is cut *plainly*."""
        self._known += 1
        if self._known > MOST_KNOWN:
            self.flush()
            self._forget()
        try:
            found = cut(line)
        except LineError as error:
            self._health.failed(LINES, str(error), line[:_SHOWN])
            return
        for parts in found:
            plan = self._book.plan(parts)
            heap = None if plan is None else self._heaps.setdefault(plan, Heap(plan))
            if heap:
                heap.waiting.append(parts.values)
            if parts.values == plainly.values and len(found) == 1:
                self._remember(plainly, heap)

    def _remember(self, parts: Parts, heap: Heap | None) -> None:
        if heap is None:
            self._tails[parts.head] = _IgnoredTails(tags=False)
            return
        tails = self._tails.get(parts.head)
        if tails is None:
            tails = self._tails[parts.head] = _Tails(tags=heap.plan.by_tags)
        tails.learn(parts.tail, heap.waiting.append)

    def _forget(self) -> None:
        self._heaps.clear()
        self._tails.clear()
        self._tails[b""] = nothing = _Tails(tags=True)
        nothing[b""] = _ignore  # an empty line
        self._known = 0

    def _add_up(self, heap: Heap) -> None:
        plan = heap.plan
        for place, problem, seen in plan.faults:
            self._health.failed(place, problem, seen[:_SHOWN], times=len(heap.waiting))
        if not plan.targets:
            return
        numbers = _plain_numbers(heap.waiting, plan.kind)
        for target in plan.targets:
            values = None if numbers is None else _scaled(target.rule, numbers, plan.kind)
            if values is None:
                values = self._one_by_one(target.rule, heap.waiting, plan.kind)
            self._add(target, values, plan.weight)

    def _add(self, target: Target, values: list[float], weight: float) -> None:
        if values:
            of_extractions = self._durations_are_requests and target.rule.metric is names.DURATION
            requests = len(values) * weight if of_extractions else 0
            self._totals.add_values(Values(*target, values, weight), self._stale_after, requests)
            self._health.sampled()

    def _one_by_one(self, rule: Rule, waiting: Sequence[bytes], kind: str) -> list[float]:
        """Return the values that make sense, and count the others as failures."""
        good = []
        for value in b":".join(waiting).split(b":"):
            try:
                good.append(_value(rule, text(value), kind))
            except ValueError as error:
                self._health.failed(rule.path, str(error), text(value[:_SHOWN]))
        return good


def _plain_numbers(waiting: Sequence[bytes], kind: str) -> list[float] | None:
    """Return the numbers in *waiting*, or None if one of them needs a closer look."""
    values = b":".join(waiting)
    if values.translate(None, _PLAIN) or (TYPES.get(kind) == "gauge" and b"-" in values):
        return None
    try:
        return [float(value) for value in values.split(b":")]
    except ValueError:
        return None


def _scaled(rule: Rule, numbers: list[float], kind: str) -> list[float] | None:
    """Return *numbers* in the metric's unit, or None if one of them makes no sense."""
    values = rescale_all(numbers, _scale(rule, kind))
    return values if min(values) >= 0 and max(values) <= rule.largest else None


def _value(rule: Rule, value: str, kind: str) -> float:
    """Return one value in the metric's unit; raise ``ValueError`` if it makes no sense."""
    if TYPES.get(kind) == "gauge" and value.startswith(("+", "-")):
        raise LineError("has a sign: changes of a gauge are not taken")
    return rule.scaled(number(value), _scale(rule, kind))


def _scale(rule: Rule, kind: str) -> float:
    """Return units of the metric in one unit of the values."""
    if rule.scale is not None:
        return rule.scale
    return 0.001 if kind == "ms" and rule.metric.unit == "seconds" else 1
