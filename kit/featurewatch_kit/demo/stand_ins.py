"""Stand-ins for Slack and PagerDuty: the real wire formats, on this machine.

They refuse what the services refuse: bodies that aren't JSON, and messages that lack a field.
Credentials are not checked, so any routing key will do (PagerDuty wants 32 characters).
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

Message = dict[str, Any]
OnMessage = Callable[[str, Message], None]

_MAX_BODY = 512 * 1024  # bytes; PagerDuty's limit for one event
_MAX_SUMMARY = 1024  # characters; PagerDuty's limit for the line that people are woken with


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer; the body is sent as it is when text, as JSON otherwise."""

    status: int
    body: str | dict[str, Any]


class StandIn:
    """One service on 127.0.0.1; port 0 takes a free one. A context manager.

    `on_message` is called as ``on_message(channel, message)`` in a server thread for each accepted
    message. Raises OSError when the port is taken.
    """

    channel: ClassVar[str]
    path: ClassVar[str]

    def __init__(self, *, port: int = 0, on_message: OnMessage | None = None) -> None:
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._on_message = on_message
        self._server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=self.channel, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the service takes messages."""
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def messages(self) -> list[Message]:
        """What was accepted so far, oldest first."""
        with self._lock:
            return list(self._messages)

    def answer(self, body: bytes) -> Answer:
        """What the real service answers to this body."""
        raise NotImplementedError

    def accept(self, message: Message) -> None:
        """Keep a message and tell the listener."""
        with self._lock:
            self._messages.append(message)
        if self._on_message is not None:
            self._on_message(self.channel, message)

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class SlackStandIn(StandIn):
    """An incoming webhook of Slack."""

    channel = "slack"
    path = "/services/T00000000/B00000000/stand-in"

    def answer(self, body: bytes) -> Answer:
        """``ok``, ``invalid_payload`` or ``no_text``, as Slack says it."""
        message = _json_object(body)
        if message is None:
            return Answer(status=400, body="invalid_payload")
        if not any(message.get(field) for field in ("text", "attachments", "blocks")):
            return Answer(status=400, body="no_text")
        self.accept(message)
        return Answer(status=200, body="ok")


class PagerDutyStandIn(StandIn):
    """The Events API v2 of PagerDuty."""

    channel = "pagerduty"
    path = "/v2/enqueue"

    def answer(self, body: bytes) -> Answer:
        """202 with the dedup_key, or 400 with what is wrong with the event."""
        event = _json_object(body)
        errors = ["the body must be a JSON object"] if event is None else _event_errors(event)
        if event is None or errors:
            refusal = {
                "status": "invalid event",
                "message": "Event object is invalid",
                "errors": errors,
            }
            return Answer(status=400, body=refusal)
        key = event.get("dedup_key") or uuid.uuid4().hex
        self.accept(event)
        success = {"status": "success", "message": "Event processed", "dedup_key": key}
        return Answer(status=202, body=success)


def _json_object(body: bytes) -> Message | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _event_errors(event: Message) -> list[str]:
    errors = _missing(event, "", ("routing_key", "event_action"))
    action = event.get("event_action")
    if action and action not in ("trigger", "acknowledge", "resolve"):
        errors.append("'event_action' must be one of trigger, acknowledge, resolve")
    if action in ("acknowledge", "resolve"):  # these name an open incident and need no payload
        return errors + _missing(event, "", ("dedup_key",))
    return errors + _payload_errors(event.get("payload"))


def _payload_errors(payload: object) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    errors = _missing(payload, "payload.", ("summary", "source", "severity"))
    if len(str(payload.get("summary"))) > _MAX_SUMMARY:
        errors.append(f"'payload.summary' must be at most {_MAX_SUMMARY} characters long")
    severity = payload.get("severity")
    if severity and severity not in ("critical", "error", "warning", "info"):
        errors.append("'payload.severity' must be one of critical, error, warning, info")
    return errors


def _missing(values: Message, prefix: str, fields: tuple[str, ...]) -> list[str]:
    return [f"'{prefix}{field}' is missing or blank" for field in fields if not values.get(field)]


class _Handler(BaseHTTPRequestHandler):
    """Carries bodies to the stand-in and answers back."""

    timeout = 5.0  # seconds for a silent client

    def __init__(self, stand_in: StandIn, *args: Any, **kwargs: Any) -> None:
        self._stand_in = stand_in
        super().__init__(*args, **kwargs)

    def do_POST(self) -> None:
        """Answer one message."""
        word = self.headers.get("Content-Length", "")
        if self.path != self._stand_in.path:
            self._reply(Answer(status=404, body="not_found"))
        elif not word.isdecimal():
            self._reply(Answer(status=411, body="length_required"))
        elif int(word) > _MAX_BODY:
            self._reply(Answer(status=413, body="too_large"))
        else:
            self._reply(self._stand_in.answer(self.rfile.read(int(word))))

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the messages are the log."""

    def _reply(self, answer: Answer) -> None:
        if isinstance(answer.body, str):
            kind, content = "text/html", answer.body.encode()
        else:
            kind, content = "application/json", json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
