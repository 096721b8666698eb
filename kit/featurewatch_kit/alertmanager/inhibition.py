"""Inhibition: while one alert fires, others that share labels with it are told to nobody."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from featurewatch_kit.alertmanager.alerts import Alert
from featurewatch_kit.alertmanager.labels import Labels, LabelSet
from featurewatch_kit.alertmanager.matchers import Matcher, match, read_matchers
from featurewatch_kit.alertmanager.versions import Version

#: Seconds between the looks at which the inhibitor forgets sources that have ended.
FORGET_SECONDS = 900.0


@dataclass(frozen=True)
class InhibitRule:
    """One rule of `inhibit_rules`: which alerts mute which."""

    number: int
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def __str__(self) -> str:
        texts = (", ".join(map(str, side)) for side in (self.source, self.target))
        return f"inhibit_rules[{self.number}] ({' mutes '.join(texts)})"

    def mutes_from(self, labels: Labels) -> bool:
        """Whether an alert with these labels is a source."""
        return match(self.source, labels)

    def mutes(self, labels: Labels) -> bool:
        """Whether an alert with these labels is a target."""
        return match(self.target, labels)

    def both(self, labels: Labels) -> bool:
        """Whether an alert is on both sides; Alertmanager lets no two such mute each other."""
        return self.mutes_from(labels) and self.mutes(labels)

    def shared(self, labels: Labels) -> tuple[str, ...]:
        """The values that must be equal on both sides; a missing label is an empty one."""
        return tuple(labels.get(label, "") for label in self.equal)


def read_rule(number: int, node: Mapping[str, Any]) -> InhibitRule:
    """Read one entry of `inhibit_rules`."""
    return InhibitRule(
        number=number,
        source=read_matchers(node, "source_"),
        target=read_matchers(node, "target_"),
        equal=tuple(node.get("equal") or ()),
    )


class Sources(Protocol):
    """The alerts that one rule knows as sources."""

    def known(self, shared: tuple[str, ...]) -> dict[LabelSet, Alert]:
        """Those that have these values, ended ones too; the same mapping each time."""

    def see(self, alert: Alert, shared: tuple[str, ...]) -> bool:
        """Keep a source; whether that changes what is muted."""

    def find(self, shared: tuple[str, ...], now: float, *, one_sided: bool) -> Alert | None:
        """A source that mutes what has these values; `one_sided`: none that is a target too."""


class AllSources:
    """Every source that fires counts."""

    def __init__(self, rule: InhibitRule) -> None:
        self._rule = rule
        self._by_shared: dict[tuple[str, ...], dict[LabelSet, Alert]] = {}

    def known(self, shared: tuple[str, ...]) -> dict[LabelSet, Alert]:
        """Those that have these values, ended ones too; the same mapping each time."""
        return self._by_shared.setdefault(shared, {})

    def see(self, alert: Alert, shared: tuple[str, ...]) -> bool:
        """Keep a source; whether that changes what is muted."""
        sources = self.known(shared)
        old = sources.get(alert.labels)
        sources[alert.labels] = alert
        return not (old and old.goes_on(alert))

    def find(self, shared: tuple[str, ...], now: float, *, one_sided: bool) -> Alert | None:
        """A source that fires, if there is one."""
        found = self.known(shared)
        for alert in list(found.values()):
            if alert.resolved(now):
                del found[alert.labels]
            elif not (one_sided and self._rule.mutes(dict(alert.labels))):
                return alert
        return None


class OneSource:
    """Of the sources that share values only one is looked at, as by 0.30.0 to 0.34.0.

    It is replaced by one that is sent and ends no earlier, and forgotten with any of them.
    """

    def __init__(self, rule: InhibitRule, started: float) -> None:
        self._rule = rule
        self._started = self._forgot = started
        self._by_shared: dict[tuple[str, ...], dict[LabelSet, Alert]] = {}
        self._looked_at: dict[tuple[str, ...], LabelSet] = {}

    def known(self, shared: tuple[str, ...]) -> dict[LabelSet, Alert]:
        """Those that have these values, ended ones too; the same mapping each time."""
        return self._by_shared.setdefault(shared, {})

    def see(self, alert: Alert, shared: tuple[str, ...]) -> bool:
        """Keep a source; look at it from now on if it lasts as long as the one looked at."""
        self._forget(alert.updated_at)
        sources = self.known(shared)
        old = sources.get(alert.labels)
        sources[alert.labels] = alert
        looked_at = self._looked_at.get(shared)
        current = sources.get(looked_at or ())
        if current is None or (looked_at != alert.labels and current.resolved(alert.ends_at)):
            self._looked_at[shared] = alert.labels
            return True
        return not (old and old.goes_on(alert))

    def find(self, shared: tuple[str, ...], now: float, *, one_sided: bool) -> Alert | None:
        """The one that is looked at, if it fires."""
        self._forget(now)
        alert = self.known(shared).get(self._looked_at.get(shared, ()))
        if alert is None or alert.resolved(now):
            return None
        return None if one_sided and self._rule.mutes(dict(alert.labels)) else alert

    def _forget(self, now: float) -> None:
        looked = now - (now - self._started) % FORGET_SECONDS
        if looked <= self._forgot:
            return
        self._forgot = looked
        for shared, sources in self._by_shared.items():
            for alert in [one for one in sources.values() if one.resolved(looked)]:
                del sources[alert.labels]
                self._looked_at.pop(shared, None)


@dataclass(frozen=True)
class Muted:
    """What mutes an alert: a rule and its source."""

    rule: InhibitRule
    source: Alert


@dataclass(frozen=True, slots=True)
class _Side:
    """What a label set is to one rule."""

    rule: InhibitRule
    sources: Sources
    shared: tuple[str, ...]
    known: dict[LabelSet, Alert]
    both: bool


class Inhibitor:
    """Every rule with the sources that it has seen."""

    def __init__(self, rules: Iterable[InhibitRule], version: Version, started: float) -> None:
        self._started = started
        self._one_source = version.knows_one_source
        self._rules: list[tuple[InhibitRule, Sources]] = [
            (rule, OneSource(rule, started) if self._one_source else AllSources(rule))
            for rule in rules
        ]
        self._as_source: dict[LabelSet, list[_Side]] = {}
        self._as_target: dict[LabelSet, list[_Side]] = {}

    def see(self, alert: Alert) -> bool:
        """Take note of an alert that was sent; whether that changes what is muted."""
        sides = self._as_source.get(alert.labels)
        if sides is None:
            labels = dict(alert.labels)
            sides = [self._side(*one, labels) for one in self._rules if one[0].mutes_from(labels)]
            self._as_source[alert.labels] = sides
        # Every one of them sees it.
        return True in [side.sources.see(alert, side.shared) for side in sides]

    def muting(self, labels: LabelSet, now: float) -> Muted | None:
        """What mutes an alert with these labels now."""
        sides = self._as_target.get(labels)
        if sides is None:
            those = dict(labels)
            sides = [self._side(*one, those) for one in self._rules if one[0].mutes(those)]
            self._as_target[labels] = sides
        for side in sides:
            if not side.known:
                continue
            source = side.sources.find(side.shared, now, one_sided=side.both)
            if source:
                return Muted(side.rule, source)
        return None

    def unchanged_until(self, labels: LabelSet, now: float) -> float:
        """Until when an alert stays muted or not, if no source is sent."""
        muted = self.muting(labels, now)
        if muted is None:
            return math.inf
        forgets = now - (now - self._started) % FORGET_SECONDS + FORGET_SECONDS
        return min(muted.source.ends_at, forgets if self._one_source else math.inf)

    @staticmethod
    def _side(rule: InhibitRule, sources: Sources, labels: Labels) -> _Side:
        shared = rule.shared(labels)
        return _Side(rule, sources, shared, sources.known(shared), rule.both(labels))
