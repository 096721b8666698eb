"""Prints what happens, when it happens, as its recipient would see it."""

import re
import sys
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, TextIO

_COLORS = {
    "incident": 35,
    "breach": 33,
    "alert": 31,
    "remediation": 34,
    "recovery": 32,
    "resolved": 32,
    "email": 36,
    "slack": 36,
    "pagerduty": 36,
}
_WIDTH = 11
# Of the fields of a Slack message; the others say what the lines around it say.
_SLACK_FIELDS = ("Value", "Escalation level", "Response expected")


class Timeline:
    """Lines with the seconds since the start; safe to use from several threads."""

    def __init__(self, out: TextIO | None = None):
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._arrived: dict[tuple[str, ...], list[str]] = {}

    def restart(self) -> None:
        """Count from now."""
        self._start = time.monotonic()

    def heading(self, text: str) -> None:
        """Print a line without time."""
        self._print(f"\n{text}")

    def add(self, kind: str, text: str, *more: str) -> None:
        """Print one event; `more` are further lines below it."""
        seconds = time.monotonic() - self._start
        lines = [f"{seconds:6.1f} s  {self._paint(kind)}  {text}"]
        lines += [" " * (_WIDTH + 12) + line for line in more]
        self._print("\n".join(lines))

    def notification(self, channel: str, message: Any) -> None:
        """Keep what a person would see of a notification for the next `flush`."""
        to, *lines = PREVIEWS[channel](message)
        with self._lock:
            self._arrived.setdefault((channel, *lines), []).append(to)

    def flush(self) -> None:
        """Print the notifications that have arrived, once for all recipients of the same text."""
        with self._lock:
            arrived, self._arrived = self._arrived, {}
        for (channel, text, *more), recipients in arrived.items():
            self.add(channel, f"to {', '.join(sorted(set(recipients)))}", text, *more)

    def _paint(self, kind: str) -> str:
        padded = f"{kind:{_WIDTH}}"
        if not self._out.isatty():
            return padded
        return f"\x1b[{_COLORS.get(kind, 0)}m{padded}\x1b[0m"

    def _print(self, text: str) -> None:
        with self._lock:
            print(text, file=self._out, flush=True)


def _email(message: EmailMessage) -> list[str]:
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    # Mail ends its lines in CRLF, and a terminal would go back to its first column.
    facts = dict(re.findall(r"^ *(Value|Threshold|Level): +(.*?)\r?$", text, re.MULTILINE))
    subject = " ".join(str(message["Subject"]).split())
    return [str(message["To"]), subject, *_line(facts)]


def _slack(message: dict[str, Any]) -> list[str]:
    attachment = message["attachments"][0]
    fields = {field["title"]: field["value"] for field in attachment.get("fields", [])}
    shown = {title: fields[title] for title in _SLACK_FIELDS if title in fields}
    return [message["channel"], attachment["title"], *_line(shown)]


def _pagerduty(event: dict[str, Any]) -> list[str]:
    payload = event.get("payload") or {}
    summary = payload.get("summary", event["dedup_key"])
    return [event["routing_key"].rstrip("-"), f"{event['event_action']}: {summary}"]


def _line(facts: dict[str, str]) -> list[str]:
    return [", ".join(f"{name.lower()} {value}" for name, value in facts.items())] if facts else []


PREVIEWS: dict[str, Callable[[Any], list[str]]] = {
    "email": _email,
    "slack": _slack,
    "pagerduty": _pagerduty,
}
