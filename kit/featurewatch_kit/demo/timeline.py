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


class Timeline:
    """Lines with the seconds since the start; safe to use from several threads."""

    def __init__(self, out: TextIO | None = None):
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._start = time.monotonic()

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
        """Print what a person would see of a notification."""
        lines = PREVIEWS[channel](message)
        self.add(channel, lines[0], *lines[1:])

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
    wanted = re.findall(r"^ *(?:Value|Threshold|Level): .*$", text, re.MULTILINE)
    subject = " ".join(str(message["Subject"]).split())
    return [f"to {message['To']}: {subject}", *(" ".join(line.split()) for line in wanted)]


def _slack(message: dict[str, Any]) -> list[str]:
    attachment = message["attachments"][0]
    text = attachment.get("text", "").strip().splitlines()
    fields = {field["title"]: field["value"] for field in attachment.get("fields", [])}
    level = f"Escalation level {fields.get('Escalation level')}"
    expected = f"response expected {fields.get('Response expected')}"
    return [f"to {message['channel']}: {attachment['title']}", *text, f"{level}, {expected}"]


def _pagerduty(event: dict[str, Any]) -> list[str]:
    payload = event.get("payload") or {}
    return [f"{event['event_action']}: {payload.get('summary', event['dedup_key'])}"]


PREVIEWS: dict[str, Callable[[Any], list[str]]] = {
    "email": _email,
    "slack": _slack,
    "pagerduty": _pagerduty,
}
