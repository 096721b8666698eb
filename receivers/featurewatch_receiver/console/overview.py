"""What fires, as incidents: a correlated alert with its members, and each extractor by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.console.muting import MuteTime
from featurewatch_receiver.history.queries import Conditions, is_open
from featurewatch_receiver.history.statuses import status_column
from featurewatch_receiver.labels import EXTRACTOR, OF_ITS_OWN, is_alike
from featurewatch_receiver.phrases import RANKS, rank
from featurewatch_receiver.states import OPEN, State, Status
from featurewatch_receiver.store.schema import episodes

Row = dict[str, Any]
#: What mutes a severity now.
MuteTimes = Callable[[str | None], MuteTime | None]
_USUAL = {EXTRACTOR, *OF_ITS_OWN}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One open episode."""

    episode: Row
    #: The time intervals during which nobody is told of it, if there are any now.
    mute_time: MuteTime | None = None
    #: The incident that answers for it, if one does.
    part_of: str | None = None

    @property
    def fires(self) -> bool:
        """Whether it still does; what does not waits for a person to resolve it."""
        return any(alert["ends_at"] is None for alert in self.episode["alerts"])

    @property
    def is_free(self) -> bool:
        """Whether nobody has it yet, no silence mutes it, and no other alert."""
        return self.episode["status"] == Status.ACTIVE and not self.episode["inhibited_at"]

    @property
    def speaks(self) -> bool:
        """Whether people are told of it: nobody has it yet and nothing mutes it."""
        return self.is_free and self.mute_time is None

    @property
    def extra(self) -> dict[str, str]:
        """The labels that the other columns do not show."""
        labels = self.episode["labels"]
        return {name: labels[name] for name in sorted(labels.keys() - _USUAL)}

    @property
    def latest(self) -> Row | None:
        """The remediation that says most: one at work, else the last that did not skip."""
        done: list[Row] = self.episode["remediations"]
        for wanted in (lambda r: r["state"] in OPEN, lambda r: r["state"] != State.SKIPPED):
            if found := [row for row in done if wanted(row)]:
                return found[-1]
        return done[-1] if done else None

    @property
    def holding(self) -> Row | None:
        """The action at work that its next level waits for."""
        done: list[Row] = self.episode["remediations"]
        return next((row for row in done if row["hold_id"] and row["state"] in OPEN), None)


@dataclass(kw_only=True)
class Group:
    """One extractor, or what is about none."""

    extractor: str | None
    lines: list[Line] = field(default_factory=list)

    @property
    def severity(self) -> str | None:
        """The worst of its alerts."""
        words: list[str | None] = [line.episode["severity"] for line in self.lines]
        return min(words, key=rank)

    @property
    def speaks(self) -> bool:
        """Whether one of them is still to be taken."""
        return any(line.speaks for line in self.lines)

    @property
    def since(self) -> datetime:
        """When the first of them began."""
        began: datetime = min(line.episode["started_at"] for line in self.lines)
        return began


def groups(config: ReceiverConfig, rows: list[Row], mute_time: MuteTimes) -> list[Group]:
    """Open episodes by extractor, the worst first; below an incident stand its members.

    Of the same severity what nobody has taken comes first.
    """
    found: dict[str | None, list[Row]] = {}
    for row in rows:
        found.setdefault(row["extractor"], []).append(row)
    made = [
        Group(extractor=name, lines=list(_lines(config, of, mute_time)))
        for name, of in found.items()
    ]
    return sorted(made, key=lambda group: (rank(group.severity), not group.speaks))


def _lines(config: ReceiverConfig, rows: list[Row], mute_time: MuteTimes) -> Iterator[Line]:
    def line(row: Row, part_of: str | None = None) -> Line:
        return Line(episode=row, mute_time=mute_time(row["severity"]), part_of=part_of)

    members = {row["id"]: _members(config, row) for row in rows}
    incidents = [row for row in rows if members[row["id"]]]
    shown: set[str] = set()
    for incident in incidents:
        yield line(incident)
        shown.add(incident["id"])
        for row in rows:
            is_member = row["alertname"] in members[incident["id"]]
            if is_member and is_alike(incident["labels"], row["labels"]) and row["id"] not in shown:
                yield line(row, incident["alertname"])
                shown.add(row["id"])
    yield from (line(row) for row in rows if row["id"] not in shown)


def _members(config: ReceiverConfig, row: Row) -> list[str]:
    alert = config.alerts.get(row["alertname"])
    return alert.members if alert else []


def count(connection: Connection, where: Conditions) -> int:
    """How many of the open episodes are chosen."""
    chosen = select(func.count(episodes.c.id)).where(is_open, *where)
    return int(connection.scalar(chosen) or 0)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many episodes are open."""

    total: int
    severities: dict[str, int]
    statuses: dict[str, int]
    inhibited: int
    #: Neither acknowledged nor muted.
    untaken: int


def counts(connection: Connection, mute_time: MuteTimes) -> Counts:
    """Count what is open; every severity is named, also that of none."""
    inhibited = episodes.c.inhibited_at.is_not(None)
    columns = episodes.c.severity, status_column, inhibited
    query = select(*columns, func.count()).where(is_open).group_by(*columns)
    severities, muted, untaken = dict.fromkeys(RANKS, 0), 0, 0
    statuses: dict[str, int] = {}
    for severity, status, is_muted, number in connection.execute(query):
        name = severity or "none"
        severities[name] = severities.get(name, 0) + number
        statuses[status] = statuses.get(status, 0) + number
        muted += number if is_muted else 0
        is_free = status == Status.ACTIVE and not is_muted
        untaken += number if is_free and not mute_time(severity) else 0
    return Counts(
        total=sum(severities.values()),
        severities=severities,
        statuses=statuses,
        inhibited=muted,
        untaken=untaken,
    )
