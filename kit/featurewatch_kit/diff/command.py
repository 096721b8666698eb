"""Prints what differs, as text for a pull request or as JSON."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.diff.changes import Change, Changes, Setting, compare
from featurewatch_kit.diff.sides import read_both

#: As many as one reads below one change.
MOST_ALERTS = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add those of the command, but for those that choose the project."""
    for name in ("old", "new"):
        parser.add_argument(
            name,
            type=Path,
            metavar=name.upper(),
            help="an alertmanager.yml, a folder of generate --out, or your settings",
        )
    parser.add_argument(
        "--alertmanager-version",
        default=DEFAULT,
        metavar="VERSION",
        help="read them as this version does (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 if something changes")


def run(options: argparse.Namespace) -> int:
    """Print what changes for whom."""
    changes = compare(*read_both(options))
    print(_as_json(changes) if options.json else "\n".join(_lines(changes)))
    return int(options.exit_code and changes.some)


def _as_json(changes: Changes) -> str:
    return json.dumps({"changed": changes.some, **asdict(changes)}, indent=2, ensure_ascii=False)


def _lines(changes: Changes) -> Iterator[str]:
    parts = [
        *(
            [person, *(line for change in some for line in _change(change))]
            for person, some in groupby(changes.people, lambda change: change.person)
        ),
        _part("inhibit rules that are gone", changes.inhibit_rules_gone),
        _part("inhibit rules that are new", changes.inhibit_rules_new),
        _part(
            "settings",
            [_setting(one) for one in changes.settings],
        ),
        _part("not compared", changes.notes),
    ]
    if not changes.some:
        yield "Nothing changes for anybody."
    for number, part in enumerate(filter(None, parts)):
        yield from ("", *part) if number or not changes.some else part


def _part(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []


def _change(change: Change) -> Iterator[str]:
    old, new = (
        " and ".join(value or "none" for value in some) for some in (change.old, change.new)
    )
    if change.what == "told now":
        yield f"  is told now, by {new}"
    elif change.what == "told no longer":
        yield f"  is told no longer, was by {old}"
    else:
        yield f"  {change.what}: {new}, was {old}"
    yield from (f"    {alert}" for alert in change.alerts[:MOST_ALERTS])
    if len(change.alerts) > MOST_ALERTS:
        yield f"    and {len(change.alerts) - MOST_ALERTS} more (--json names them)"


def _setting(setting: Setting) -> str:
    if setting.old == setting.new:
        return f"{setting.place}: another value"
    return f"{setting.place}: {_value(setting.new)}, was {_value(setting.old)}"


def _value(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
