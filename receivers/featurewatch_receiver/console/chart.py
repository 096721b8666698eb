"""The course of an alert's values, as lines of an SVG."""

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from featurewatch_receiver.clients.prometheus import Prometheus, expression
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.receiver import Check, ReceiverConfig
from featurewatch_receiver.console.links import away
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import PrometheusError

WIDTH, HEIGHT = 600, 120
_EDGE = 6
#: A page must not wait for longer.
TIMEOUT_SECONDS = 2.0
_POINTS = 120
_SHORTEST_STEP = 15
#: What is further apart has a gap.
_UNBROKEN_STEPS = 1.5
_BEFORE, _AFTER, _LONGEST = timedelta(minutes=30), timedelta(minutes=15), timedelta(days=7)
_EPOCH = datetime.fromtimestamp(0, UTC)

Points = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One value beside its threshold; the lines are in units of the SVG."""

    name: str
    breach: str
    start: datetime
    end: datetime
    last: float
    last_at: datetime
    lowest: float
    highest: float
    threshold: float | None
    lines: list[str]
    threshold_y: float | None
    #: Where the alert began.
    began_x: float
    #: Whether the last value is.
    is_beyond: bool
    #: Whether it is of the end of the chart, however far apart its points are.
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class _Span:
    start: datetime
    end: datetime
    began: datetime

    @property
    def step(self) -> int:
        """Seconds; the last point is then at the end itself."""
        return max(_SHORTEST_STEP, math.ceil((self.end - self.start).total_seconds() / _POINTS))

    @property
    def first(self) -> datetime:
        """Whole steps before the end."""
        steps = math.ceil((self.end - self.start).total_seconds() / self.step)
        return self.end - timedelta(seconds=steps * self.step)

    def x(self, time: float) -> float:
        share = (time - self.first.timestamp()) / (self.end - self.first).total_seconds()
        return round(share * WIDTH, 1)


def draw(core: Core, episode: dict[str, Any]) -> tuple[list[Chart], str | None]:
    """A chart of each value of an alert, and why there is none."""
    if why := _undrawable(core, episode):
        return [], why
    try:
        drawn = _charts(core.config, episode, core.now())
    except PrometheusError as error:
        return [], str(error)
    return drawn, None if drawn else "Prometheus has none of that time"


def _undrawable(core: Core, episode: dict[str, Any]) -> str | None:
    alert = core.config.alerts.get(episode["alertname"])
    if core.config.receiver.prometheus_url is None:
        return "receiver.prometheus_url is null"
    if alert is None or not alert.checks or not episode["extractor"]:
        return "the rule of this alert compares no value of one extractor"
    with core.reader.begin() as connection:
        missing = {found.name for found in away(core, connection)}
    return "Prometheus is away" if "Prometheus" in missing else None


def _charts(config: ReceiverConfig, episode: dict[str, Any], now: datetime) -> list[Chart]:
    """A chart of each value of an alert, from half an hour before it began.

    Raises:
        PrometheusError: it can't be asked.

    """
    alert, url = config.alerts.get(episode["alertname"]), config.receiver.prometheus_url
    # An alert may say that it began in the year 1, or ended in 9999.
    began, ended = max(_EPOCH, episode["started_at"]), episode["resolved_at"]
    end = min(now, max(began, min(now, ended)) + _AFTER) if ended else now
    span = _Span(start=max(began - _BEFORE, end - _LONGEST), end=end, began=began)
    if alert is None or url is None or span.end <= span.start:
        return []
    found = []
    deadline = Deadline(TIMEOUT_SECONDS)
    with closing(Prometheus(url, TIMEOUT_SECONDS)) as prometheus:
        for name, check in alert.checks.items():
            if deadline.left() <= 0:
                raise PrometheusError(f"Prometheus takes more than {TIMEOUT_SECONDS:g} s")
            courses = [
                prometheus.course(
                    expression(text, episode["extractor"], episode["labels"], alert.window),
                    span.first,
                    span.end,
                    span.step,
                )
                for text in (check.value, check.threshold)
            ]
            found.append(_chart(name, check, courses, span))
    # What is beyond its threshold first. A value without one is of an alert that is off here.
    drawn = [chart for chart in found if chart]
    compared = [chart for chart in drawn if chart.threshold is not None]
    return sorted(compared or drawn, key=lambda chart: not chart.is_beyond)


@dataclass(frozen=True, kw_only=True)
class Expression:
    """When a value of an alert is beyond its threshold, in PromQL."""

    name: str
    value: str
    breach: str
    threshold: str


def expressions(config: ReceiverConfig, episode: dict[str, Any]) -> list[Expression]:
    """What is compared with what; empty for an alert whose rule the receiver does not know."""
    alert = config.alerts.get(episode["alertname"])
    extractor, labels = episode["extractor"], episode["labels"]
    if alert is None or not extractor:
        return []
    return [
        Expression(
            name=name,
            value=expression(check.value, extractor, labels, alert.window),
            breach=check.breach,
            threshold=expression(check.threshold, extractor, labels, alert.window),
        )
        for name, check in alert.checks.items()
    ]


def _chart(name: str, check: Check, courses: list[list[Points]], span: _Span) -> Chart | None:
    values, thresholds = courses
    points = [[p for p in series if math.isfinite(p[1])] for series in values]
    seen = [value for series in points for _, value in series]
    if not seen:
        return None
    threshold = next((series[-1][1] for series in thresholds if series), None)
    last_at, last = max(series[-1] for series in points if series)
    bounds = [*seen, *([] if threshold is None else [threshold])]
    low, high = min(bounds), max(bounds)

    def y(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE), 1)

    return Chart(
        name=name,
        breach=check.breach,
        start=span.first,
        end=span.end,
        last=last,
        last_at=datetime.fromtimestamp(last_at, UTC),
        lowest=min(seen),
        highest=max(seen),
        threshold=threshold,
        lines=[
            " ".join(f"{span.x(at)},{y(value)}" for at, value in part)
            for series in points
            for part in _unbroken(series, span.step)
        ],
        threshold_y=None if threshold is None else y(threshold),
        began_x=max(0.0, span.x(span.began.timestamp())),
        is_beyond=threshold is not None and check.is_beyond(last, threshold),
        is_current=span.end.timestamp() - last_at <= _UNBROKEN_STEPS * _SHORTEST_STEP,
    )


def _unbroken(series: Points, step: float) -> Iterator[Points]:
    """Parts without a gap: a line over a gap would show values that nobody measured."""
    part: Points = []
    for point in series:
        if part and point[0] - part[-1][0] > _UNBROKEN_STEPS * step:
            yield part
            part = []
        part.append(point)
    if part:
        yield part
