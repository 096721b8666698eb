"""What a test wants to be told, against what is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from featurewatch_kit.alertmanager.durations import duration
from featurewatch_kit.chain.play import Told
from featurewatch_receiver.labels import ALERTNAME, LEVEL

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Telling:
    """What one person is told of one group at one moment, by one or several channels."""

    time: float
    who: str
    channels: tuple[str, ...]
    status: str
    firing: tuple[Labels, ...]
    resolved: tuple[Labels, ...]

    def __str__(self) -> str:
        texts = [
            f"{word} {_names(alerts)}"
            for word, alerts in (("firing", self.firing), ("resolved", self.resolved))
            if alerts
        ]
        return f"by {', '.join(self.channels)}: {'; '.join(texts)}"


@dataclass(frozen=True)
class Wanted:
    """One telling that a test wants; what it does not say may be anything."""

    who: str
    #: Seconds from the beginning, both included.
    first: float
    last: float
    channels: frozenset[str]
    status: str | None
    firing: tuple[Labels, ...] | None
    resolved: tuple[Labels, ...] | None

    def fits(self, telling: Telling) -> bool:
        """Whether that is it."""
        return (
            self.who == telling.who
            and self.first <= telling.time <= self.last
            and (not self.channels or self.channels == set(telling.channels))
            and self.status in (None, telling.status)
            and _are(self.firing, telling.firing)
            and _are(self.resolved, telling.resolved)
        )

    @property
    def when(self) -> str:
        """Its time, as `5m` or `5m to 6m`."""
        first = duration(self.first)
        return first if self.first == self.last else f"{first} to {duration(self.last)}"

    def __str__(self) -> str:
        texts = [
            f"{word} {_names(alerts) or 'nothing'}"
            for word, alerts in (("firing", self.firing), ("resolved", self.resolved))
            if alerts is not None
        ]
        by = ", ".join(sorted(self.channels)) or "any channel"
        return f"by {by}: {'; '.join(texts) or self.status or 'anything'}"


def _are(wanted: Sequence[Labels] | None, alerts: Sequence[Labels]) -> bool:
    """Whether each wanted alert is among them, and each of them is wanted."""
    if wanted is None:
        return True
    return all(any(_is(one, alert) for alert in alerts) for one in wanted) and all(
        any(_is(one, alert) for one in wanted) for alert in alerts
    )


def _is(wanted: Labels, alert: Labels) -> bool:
    return wanted.items() <= alert.items()


def _names(alerts: Iterable[Labels]) -> str:
    """Names and levels: `FeatureExtractionLatencyCritical level 1 and 2, Slow`."""
    levels: dict[str, list[str]] = {}
    for alert in alerts:
        found = levels.setdefault(alert.get(ALERTNAME, str(dict(alert))), [])
        if LEVEL in alert:
            found.append(alert[LEVEL])
    return ", ".join(
        name + (f" level {' and '.join(sorted(set(found)))}" if found else "")
        for name, found in levels.items()
    )


def tellings(told: Iterable[Told]) -> list[Telling]:
    """What is told, as one what somebody is told of one group at once, by whatever channels."""
    found: dict[tuple[object, ...], list[Told]] = {}
    for one in told:
        for who in one.people:
            found.setdefault((one.time, who, one.status, str(one.group)), []).append(one)
    return [
        Telling(
            time=some[0].time,
            who=str(who),
            channels=tuple(sorted({one.channel for one in some})),
            status=some[0].status,
            firing=_each_once(alert for one in some for alert in one.firing),
            resolved=_each_once(alert for one in some for alert in one.resolved),
        )
        for (_, who, *_), some in found.items()
    ]


def _each_once(alerts: Iterable[Labels]) -> tuple[Labels, ...]:
    return tuple({str(alert): alert for alert in alerts}.values())


def pairs(wanted: Sequence[Wanted], found: Sequence[Telling]) -> dict[int, int]:
    """Which of those found is which of those wanted, by number, so that as many fit as can."""
    of_found: dict[int, int] = {}

    def place(number: int, seen: set[int]) -> bool:
        for other, telling in enumerate(found):
            if other in seen or not wanted[number].fits(telling):
                continue
            seen.add(other)
            if other not in of_found or place(of_found[other], seen):
                of_found[other] = number
                return True
        return False

    for number in range(len(wanted)):
        place(number, set())
    return of_found
