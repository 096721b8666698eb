"""Reads a file of JSON lines, each of which tells of one extraction."""

import json
import time
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import Any

from featurewatch_exporter.config import FileSource
from featurewatch_exporter.fields import FieldError
from featurewatch_exporter.follow import Follower
from featurewatch_exporter.health import Health
from featurewatch_exporter.line_events import RecordReader
from featurewatch_exporter.rules import Rule
from featurewatch_exporter.statefile import StateFile
from featurewatch_exporter.tail import MAX_LINE, Batch
from featurewatch_exporter.totals import Totals
from featurewatch_exporter.unwrap import PLAIN, Unwrapper
from featurewatch_exporter.watch import watch

#: What faults of whole lines, and of the place that is kept, are logged as.
_LINES, _PLACE = "lines", "place"
#: Seconds between two times that the place is kept.
_KEEP_SECONDS = 1.0
_decode = json.JSONDecoder().raw_decode


class LineReader:
    """Reads one file of JSON lines, and keeps its place in *state*.

    *others* are the files of other readers.

    Raises :class:`ExporterError` if *state* holds something else.
    """

    def __init__(
        self,
        source: FileSource,
        totals: Totals,
        health: Health,
        state: StateFile | None = None,
        others: Iterable[Path] = (),
    ) -> None:
        self._others = tuple(others)
        self._source = source
        self._totals = totals
        self._health = health
        self._state = state
        self._records = RecordReader(
            source.rules, self._field_failed, as_text=source.numbers_as_text
        )
        self._kept_at = 0.0
        #: Held from reading a batch to counting it: the place is of what was counted.
        self._lock = Lock()
        self._closed = False
        try:
            self._restore((state.of(source.key) if state else None) or {})
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise state.refuse() if state else error from error
        self._watch = watch()

    def run(self, stop: Flag) -> None:
        """Follow the file until *stop* is set."""
        while not stop.is_set():
            self.look(stop)
            self._watch.wait(stop, self._follower.folders())

    def close(self) -> None:
        """Keep the place, and close the file."""
        with self._lock:
            if not self._closed:
                self._keep()
                self._follower.close()
                self._watch.close()
            self._closed = True

    def look(self, stop: Flag) -> None:
        """Read what is new."""
        try:
            batches = self._follower.read()
            while self._take_next(batches):
                self._health.still()  # the end may be far away
                if stop.is_set():
                    return
        except OSError as error:
            self._health.lost("cannot be read", error.strerror)
        else:
            self._health.reached()
        self._health.settle()
        if time.monotonic() - self._kept_at >= _KEEP_SECONDS:
            with self._lock:
                self._keep()

    def _take_next(self, batches: Iterator[Batch]) -> bool:
        with self._lock:
            batch = None if self._closed else next(batches, None)
            if batch is not None:
                self._take(batch)
            return batch is not None

    def _restore(self, kept: Mapping[str, Any]) -> None:
        source = self._source
        follower = kept["follower"] if kept.get("path") == str(source.path) else None
        self._follower = Follower(source.path, follower, self._file_failed, others=self._others)
        self._unwrapper = None
        if source.format != PLAIN:
            self._unwrapper = Unwrapper(source.format, dict(kept.get("pending", {})))

    def _keep(self) -> None:
        self._kept_at = time.monotonic()
        follower = self._follower.state()
        if self._closed or self._state is None or follower is None:
            return
        pending = self._unwrapper.pending if self._unwrapper else {}
        kept = {
            "path": str(self._source.path),
            "follower": follower,
            "pending": dict(pending),
        }
        try:
            self._state.keep(self._source.key, kept)
        except OSError as error:
            self._health.failed(_PLACE, "cannot be kept in the state file", error.strerror)
        else:
            self._health.well(_PLACE)

    def _take(self, batch: Batch) -> None:
        for line in batch:
            if line is None:
                self._health.failed(_LINES, f"hold more than {MAX_LINE} bytes")
            else:
                self._take_line(line)
        events, extractions = self._records.take()
        if events:
            requests = 0 if self._source.maps_requests else extractions
            self._totals.add(events, self._source.stale_after, requests)
            self._health.sampled()

    def _take_line(self, line: bytes) -> None:
        if self._unwrapper and line:
            try:
                line = self._unwrapper.line(line)
            except ValueError as error:
                self._health.failed(_LINES, str(error), line[:100])
                return
        line = line.strip()
        if line:
            record = _record(line)
            if record is None:
                self._health.failed(_LINES, "are no JSON objects", line[:100])
            else:
                self._records.add(record)

    def _field_failed(self, rule: Rule, error: FieldError) -> None:
        self._health.failed(rule.path, error.problem, error.seen)

    def _file_failed(self, problem: str) -> None:
        self._health.failed("a former file", problem)


def _record(line: bytes) -> dict[str, object] | None:
    try:
        text = line.decode()
        record, end = _decode(text)
    except (ValueError, RecursionError):
        # Who writes on at the old place after a truncation leaves zeros before it.
        rest = line.lstrip(b"\0").removeprefix(BOM_UTF8)
        return _record(rest) if rest != line else None
    return record if end == len(text) and isinstance(record, dict) else None
