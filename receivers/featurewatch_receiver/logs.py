"""Log lines: one JSON object each, on stderr."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from threading import Event, Lock
from time import monotonic
from typing import Any

_logger = logging.getLogger("featurewatch_receiver")
# Libraries speak up only when something is wrong.
_encode = json.JSONEncoder(default=str).encode
_LEVELS = {"featurewatch_receiver": "INFO", "dbos": "WARNING", "gunicorn.error": "WARNING"}


class JsonLine(logging.Formatter):
    """A record, its fields and the last line of its exception as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or several of the same event."""
        rows = getattr(record, "rows", None) or [getattr(record, "fields", {})]
        start = {
            "time": _plain(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "event": one_line(_first_line(record.getMessage())),
        }
        end = {}
        if record.exc_info and record.exc_info[1]:
            end["error"] = _first_line(repr(record.exc_info[1]))
        return "\n".join(
            _encode(start | {k: _plain(v) for k, v in row.items()} | end) for row in rows
        )


def _first_line(message: str) -> str:
    """What a library says, without its traceback, and without SQL and what was written by it."""
    first = message.strip().partition("\n")[0]
    return first.partition("[SQL:")[0].strip().removesuffix(r"\n")


def _plain(value: Any) -> Any:
    """Short text that is also safe when the JSON has been decoded: labels are anybody's."""
    if isinstance(value, dict):
        return {one_line(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return one_line(value) if isinstance(value, str) else value


class _WhileAtWork(logging.Filter):
    """Drops what the engine says of work that it leaves behind: the next start takes it up."""

    def filter(self, _: logging.LogRecord) -> bool:
        """Whether the record is of interest."""
        return not _engine_stops.is_set()


_engine_stops = Event()


def engine_stops(stops: bool = True) -> None:
    """Note that the workflow engine is being stopped, or begins."""
    if stops:
        _engine_stops.set()
    else:
        _engine_stops.clear()


def configure() -> None:
    """Send the lines of this program and its libraries to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    for name, level in _LEVELS.items():
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
    logging.getLogger("dbos").filters = [_WhileAtWork()]


def library(name: str) -> logging.Logger:
    """Return a library's logger, as `configure` left it."""
    return logging.getLogger(name)


def event(name: str, **fields: object) -> None:
    """Log what happened. Fields never hold a token."""
    _logger.info(name, extra={"fields": fields})


def events(name: str, rows: list[dict[str, object]]) -> None:
    """Log what happened several times at once: a line each, in one write."""
    if rows:
        _logger.info(name, extra={"rows": rows})


def trouble(name: str, error: BaseException | None = None, **fields: object) -> None:
    """Log what should not have happened."""
    _logger.error(name, exc_info=error, extra={"fields": fields})


class Seldom:
    """Logs an event at most once a minute for each sender that causes it, and how often meanwhile.

    Whoever can reach the receiver causes them, so it keeps no more than the last few.
    """

    SECONDS = 60.0
    _MOST = 100

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._clock = clock
        self._lock = Lock()
        #: By sender: when it was logged, and how often it was not since.
        self._last: dict[str | None, tuple[float, int]] = {}

    def trouble(self, sender: str | None, **fields: object) -> None:
        """Log it, unless it was within the minute."""
        now = self._clock()
        with self._lock:
            logged, more = self._last.pop(sender, (-inf, 0))
            due = now - logged >= self.SECONDS
            self._last[sender] = (now, 0) if due else (logged, more + 1)
            if len(self._last) > self._MOST:
                del self._last[next(iter(self._last))]
        if due:
            kept_back = {"more_since_the_last": more} if more else {}
            trouble(self._name, None, sender=sender, **fields, **kept_back)


_LONGEST = 200


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Return the text on one line of at most `longest` characters, without control characters."""
    if text.isprintable() and len(text) <= longest and "  " not in text and text == text.strip():
        return text
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else escaped(c) for c in line)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def escaped(character: str) -> str:
    """Return a character as Python writes it in text."""
    return character.encode("unicode_escape").decode("ascii")
