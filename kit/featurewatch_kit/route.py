"""The command route: where an alert with these labels goes, now or at a given time."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from featurewatch_kit.alertmanager.configuration import (
    Configuration,
    read_configuration,
    read_text,
)
from featurewatch_kit.alertmanager.durations import duration
from featurewatch_kit.alertmanager.labels import Labels, chosen, label_set, written
from featurewatch_kit.alertmanager.matchers import written as written_matchers
from featurewatch_kit.alertmanager.routes import EVERY_LABEL, Route
from featurewatch_kit.alertmanager.time_intervals import MINUTE
from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.errors import ArgumentError

#: How far to look for the end of what mutes a route.
FURTHEST = timedelta(days=8)


@dataclass(frozen=True)
class Way:
    """One route that an alert ends at, and what that means at a time."""

    receiver: str
    #: As `webhook[0]`, with whether it is sent ends.
    integrations: dict[str, bool]
    #: The matchers of each route from the first one down to this one.
    matchers: list[str]
    #: Labels; `["..."]` stands for all.
    group_by: list[str]
    #: Alertmanager's name of the group.
    group_key: str
    group_labels: dict[str, str]
    group_wait: str
    group_interval: str
    repeat_interval: str
    #: When it is really told again: at the first look after `repeat_interval`.
    repeats_after: str
    mute_time_intervals: list[str]
    active_time_intervals: list[str]
    #: Why nothing is told at this time; empty if it is.
    muted_by: list[str]
    #: When that ends, as far as can be seen.
    muted_until: str | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add those of the command, but for those that choose the project."""
    parser.add_argument(
        "words",
        nargs="+",
        metavar="[FILE] LABEL=VALUE",
        help="an alertmanager.yml (else the one that is generated), and the labels of the alert",
    )
    parser.add_argument(
        "--at", metavar="TIME", help="as 2026-12-24T03:00, in UTC if no zone is given (else now)"
    )
    parser.add_argument(
        "--alertmanager-version",
        default=DEFAULT,
        metavar="VERSION",
        help="read it as this version does (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print where the alert goes."""
    file, labels = _words(options.words)
    at = _time(options.at)
    name = str(file) if file else ""
    text = read_text(file) if file else _generated(options)
    configuration = read_configuration(text, options.alertmanager_version, name)
    ways = [_way(route, configuration, labels, at) for route in configuration.root.ends(labels)]
    print(_as_json(labels, at, ways) if options.json else _as_text(labels, at, ways))
    return 0


def _words(words: Sequence[str]) -> tuple[Path | None, Labels]:
    """The file, if the first word is one, and the labels."""
    file = None if "=" in words[0] else Path(words[0])
    labels = {}
    for word in words[1:] if file else words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise ArgumentError(f"{word}: is no label; write LABEL=VALUE, and the file before them")
        labels[name] = value
    return file, dict(label_set(labels))


def _time(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentError(
            f"--at: {text!r} is no time; write one like 2026-12-24T03:00"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _generated(options: argparse.Namespace) -> str:
    # It takes longer than all the rest, and who has a file needs none of it.
    from featurewatch_kit import generate
    from featurewatch_kit.project import find_root, load_config

    root = find_root((options.root or Path.cwd()).resolve())
    files = generate.generate(load_config(root, options.config), root)
    return files[generate.ALERTMANAGER]


def _way(route: Route, configuration: Configuration, labels: Labels, at: datetime) -> Way:
    group = chosen(label_set(labels), route.group_by)
    chain = [*reversed(route.ancestors()), route]
    muted_by = _muted_by(route, configuration, at.timestamp())
    return Way(
        receiver=route.receiver,
        integrations={
            way.name: way.send_resolved for way in configuration.receivers[route.receiver]
        },
        matchers=[written_matchers(step.matchers) for step in chain],
        group_by=[EVERY_LABEL] if route.group_by is None else sorted(route.group_by),
        group_key=f"{route.key}:{written(group)}",
        group_labels=dict(group),
        group_wait=duration(route.group_wait),
        group_interval=duration(route.group_interval),
        repeat_interval=duration(route.repeat_interval),
        repeats_after=duration(_repeats_after(route)),
        mute_time_intervals=list(route.mute_time_intervals),
        active_time_intervals=list(route.active_time_intervals),
        muted_by=muted_by,
        muted_until=_muted_until(route, configuration, at) if muted_by else None,
    )


def _repeats_after(route: Route) -> float:
    looks = route.repeat_interval // route.group_interval + 1
    return looks * route.group_interval


def _muted_by(route: Route, configuration: Configuration, at: float) -> list[str]:
    times = configuration.time_intervals
    active = route.active_time_intervals
    muted = [f"mute_time_intervals {one}" for one in times.holding(route.mute_time_intervals, at)]
    if active and not times.holding(active, at):
        muted.append(f"active_time_intervals {', '.join(active)}")
    return muted


def _muted_until(route: Route, configuration: Configuration, at: datetime) -> str | None:
    """The next full minute at which nothing mutes it."""
    begin = int(at.timestamp()) // MINUTE
    for minute in range(begin + 1, begin + FURTHEST // timedelta(seconds=MINUTE)):
        if not _muted_by(route, configuration, minute * MINUTE):
            return datetime.fromtimestamp(minute * MINUTE, UTC).isoformat()
    return None


def _as_json(labels: Labels, at: datetime, ways: list[Way]) -> str:
    tree = {"labels": labels, "at": at.isoformat(), "routes": [asdict(way) for way in ways]}
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _as_text(labels: Labels, at: datetime, ways: list[Way]) -> str:
    head = f"{written(label_set(labels))} at {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return "\n\n".join([head, *("\n".join(_lines(way)) for way in ways)])


def _lines(way: Way) -> list[str]:
    integrations = [
        name + ("" if ends else " (no ends)") for name, ends in way.integrations.items()
    ]
    facts: dict[str, Any] = {
        "by": ", ".join(integrations) or "nothing: nobody hears of it",
        "route": " / ".join(way.matchers),
        "group": written(tuple(way.group_labels.items())),
        "told": f"after {way.group_wait}, changes every {way.group_interval}, again after"
        f" {way.repeats_after}" + _unlike(way),
        "muted": _muted(way),
    }
    return [f"receiver {way.receiver}", *(f"  {key:<7}{fact}" for key, fact in facts.items())]


def _unlike(way: Way) -> str:
    if way.repeats_after == way.repeat_interval:
        return ""
    return f" (the first look after repeat_interval {way.repeat_interval})"


def _muted(way: Way) -> str:
    if way.muted_by:
        until = f", until {way.muted_until}" if way.muted_until else f" for {FURTHEST.days} days"
        return f"now, by {' and '.join(way.muted_by)}{until}"
    named = [*way.mute_time_intervals, *way.active_time_intervals]
    return f"not now (time intervals {', '.join(named)})" if named else "never"
