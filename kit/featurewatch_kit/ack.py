"""The commands ack, unack, resolve and acks: who takes care of an alert, kept in Alertmanager."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pydantic

from featurewatch_kit.errors import ArgumentError
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.config.values import Url, seconds
from featurewatch_receiver.errors import AcknowledgementError, ReceiverError
from featurewatch_receiver.labels import ALERTNAME, Labels
from featurewatch_receiver.logs import one_line
from featurewatch_receiver.silences.acknowledgement import Acknowledgement, Acknowledger, Kind, Note
from featurewatch_receiver.silences.matching import quoted

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
    Run = Callable[[argparse.Namespace], int]

DEFAULT_URL = "http://localhost:9093"
URL_VARIABLE = "ALERTMANAGER_URL"
DEFAULT_FOR = "8h"
_DONE = {Kind.ACK: "acknowledged", Kind.RESOLVE: "resolved"}
_HEADER = ("Alert", "Status", "Level", "User", "Until", "Reason")


def add_commands(commands: "Commands") -> None:
    """Add the commands to those of `featurewatch`."""
    for name, kind, text in (
        ("ack", Kind.ACK, "say that you work on an alert: it escalates no further"),
        ("resolve", Kind.RESOLVE, "say that an alert is dealt with: until it ends it stays quiet"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(kind=kind)
        _alert_options(command, _acknowledge)
        _note_options(command)
    text = "take back ack or resolve: the alert escalates again"
    _alert_options(commands.add_parser("unack", help=text, description=text), _unacknowledge)
    text = "list what is acknowledged"
    _common_options(commands.add_parser("acks", help=text, description=text), _list)


def _alert_options(command: argparse.ArgumentParser, run: "Run") -> None:
    command.add_argument("alert", metavar="ALERT", help="the alert's name")
    command.add_argument(
        "labels",
        nargs="*",
        metavar="LABEL=VALUE",
        help="which of several alerts of that name; an empty value is a label it has not",
    )
    _common_options(command, run)


def _note_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reason", required=True, metavar="TEXT", help="why, for the others")
    command.add_argument("--user", metavar="NAME", help="who (default: your login name)")
    command.add_argument(
        "--for",
        dest="duration",
        default=DEFAULT_FOR,
        metavar="DURATION",
        help="how long at most; it ends with the alert (default: %(default)s)",
    )


def _common_options(command: argparse.ArgumentParser, run: "Run") -> None:
    command.add_argument(
        "--alertmanager",
        default=os.environ.get(URL_VARIABLE) or DEFAULT_URL,
        metavar="URL",
        help=f"(default: ${URL_VARIABLE}, or else {DEFAULT_URL})",
    )
    command.set_defaults(run=lambda options: _guarded(run, options))


def _guarded(run: "Run", options: argparse.Namespace) -> int:
    try:
        return run(options)
    except AcknowledgementError as error:
        print(error, file=sys.stderr)
        return 1
    except ReceiverError as error:
        print(error, file=sys.stderr)
        return 2


def _acknowledge(options: argparse.Namespace) -> int:
    wanted = _wanted(options)
    note = Note(
        user=_login_name() if options.user is None else options.user,
        reason=options.reason,
        duration=_duration(options.duration),
    )
    with _acknowledger(options) as acknowledger:
        made = acknowledger.acknowledge(wanted, note, options.kind)
    print(f"{_DONE[made.kind]} {_alert(made)} at level {made.level} until {_time(made.until)}")
    return 0


def _unacknowledge(options: argparse.Namespace) -> int:
    wanted = _wanted(options)
    with _acknowledger(options) as acknowledger:
        for ended in acknowledger.unacknowledge(wanted):
            print(f"no longer {_DONE[ended.kind]}: {_alert(ended)}")
    return 0


def _list(options: argparse.Namespace) -> int:
    with _acknowledger(options) as acknowledger:
        rows = [_HEADER, *(_row(made) for made in acknowledger.current())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _row(made: Acknowledgement) -> tuple[str, ...]:
    user, reason = one_line(made.user), one_line(made.reason)
    return (_alert(made), _DONE[made.kind], str(made.level), user, _time(made.until), reason)


def _wanted(options: argparse.Namespace) -> Labels:
    labels = {ALERTNAME: options.alert}
    for text in options.labels:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ArgumentError(f"{one_line(text)}: is not LABEL=VALUE; write extractor=NAME, say")
        labels[name] = value
    return labels


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise ArgumentError("user: you have no login name; give --user NAME") from error


def _duration(text: str) -> timedelta:
    try:
        return timedelta(seconds=seconds(text))
    except (ValueError, OverflowError) as error:
        raise ArgumentError(
            f"--for: {one_line(text)} is no duration; write 30m, 8h or 1d"
        ) from error


@contextmanager
def _acknowledger(options: argparse.Namespace) -> Iterator[Acknowledger]:
    try:
        url = pydantic.TypeAdapter(Url).validate_python(options.alertmanager)
    except pydantic.ValidationError as error:
        # Not repeated: it may hold a login.
        raise ArgumentError(f"--alertmanager: is no URL; write one like {DEFAULT_URL}") from error
    with closing(Alertmanager(url)) as client:
        yield Acknowledger(client)


def _alert(made: Acknowledgement) -> str:
    """Return name and labels as people know them from amtool."""
    others = (f"{n}={quoted(v)}" for n, v in sorted(made.labels.items()) if n != ALERTNAME)
    return " ".join([one_line(made.labels.get(ALERTNAME, "")), *others])


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S UTC}"
