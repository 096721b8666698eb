"""Exemplars: for each bucket of the durations the trace of one extraction that fell into it.

The trace is that of OpenTelemetry's current span at the end of the extraction, if that is sampled:
nobody could look up another. OpenTelemetry is never imported here; a process without it has no
spans.
"""

import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from time import time
from typing import Any

from prometheus_client.samples import Exemplar

from featurewatch.distribution import Snapshot
from featurewatch.guard import amount, never_raises

TRACE_ID = "trace_id"
SPAN_ID = "span_id"


class NotingList(list[float]):
    """A list of durations that tells somebody of each one that is appended."""

    __slots__ = ("_note",)

    def __init__(self, note: Callable[[float], None]) -> None:
        super().__init__()
        self._note = note

    def append(self, seconds: float) -> None:
        """Append *seconds*."""
        super().append(seconds)
        self._note(seconds)


class Exemplars:
    """At most one exemplar for each bucket of *bounds*, renewed once between two scrapes."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.forget()

    def forget(self) -> None:
        """Begin at nothing: at the start, and in a forked child."""
        self._latest: dict[int, Exemplar] = {}
        #: Buckets that have got theirs since the last scrape: further traces cost no look.
        self._renewed: set[int] = set()

    def noting_list(self) -> list[float]:
        """Return an empty list of durations that are noted here."""
        return NotingList(self.note)

    @never_raises
    def note(self, seconds: float) -> None:
        """Keep the current trace, if *seconds* falls into a bucket without a new one."""
        bucket = bisect_left(self._bounds, seconds)
        if bucket in self._renewed:
            return
        labels = current_trace()
        if labels:
            self._latest[bucket] = Exemplar(labels, amount(seconds), time())
            self._renewed.add(bucket)

    def put_on(self, snapshot: Snapshot) -> Snapshot:
        """Return *snapshot* with the exemplars, each of which the next of its bucket replaces.

        One without a successor is shown again: another Prometheus may not have seen it yet.
        """
        self._renewed.clear()
        latest = self._latest.copy()
        buckets = [
            (le, count, latest[number]) if number in latest else (le, count)
            for number, (le, count, *_) in enumerate(snapshot.buckets)
        ]
        return snapshot._replace(buckets=buckets)


def current_trace() -> dict[str, str]:
    """Return the labels of the current span if it is sampled, else nothing.

    With its names and values that is 63 of the 128 characters that OpenMetrics allows.
    """
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return {}
    context = trace.get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return {}
    return {TRACE_ID: f"{context.trace_id:032x}", SPAN_ID: f"{context.span_id:016x}"}
