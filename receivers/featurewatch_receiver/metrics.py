"""What the receiver counts about itself."""

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from featurewatch_receiver.actions import actions
from featurewatch_receiver.labels import SEVERITIES
from featurewatch_receiver.states import OUTCOMES, Difference, SkipReason
from featurewatch_receiver.version import VERSION

_PREFIX = "featurewatch_receiver"
# From a quick cache clear to the default responses.timeout of 300 s.
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
# From a minute to a day, for people.
_SLOW_BUCKETS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_RESULTS = ("accepted", "invalid", "unauthorized", "too_large", "unavailable", "failed")


#: Of alerts that are not ours, in place of theirs, which may be anything.
OTHER_SEVERITY = "other"


class Family(NamedTuple):
    """Series of one name."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


class Metrics:
    """The series of one process, in a registry of their own."""

    def __init__(self, targets: Iterable[str] = ()) -> None:
        """`targets` are the extractors that may be touched: their series begin at 0."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the series, and Prometheus has its own way to know
        self._registry = CollectorRegistry()
        #: What there is, for the documentation.
        self.families: list[Family] = []
        self.deliveries = self._counter("deliveries", "Webhook deliveries by result.", "result")
        self.alerts = self._counter("alerts", "Alerts taken in, by status.", "status")
        self.truncated = self._counter("truncated_alerts", "Alerts that Alertmanager left out.")
        self.remediations = self._counter(
            "remediations",
            "Remediations that ended, by outcome.",
            "action",
            "extractor",
            "outcome",
        )
        self.skips = self._counter(
            "remediation_skips", "Remediations that did not run, by reason.", "action", "reason"
        )
        self.duration = self._histogram(
            "remediation_duration_seconds",
            "From the begin of work to the end of a remediation at its target.",
            "action",
        )
        self.duty_failures = self._counter(
            "duty_failures", "Attempts of the receiver's recurring duties that failed.", "duty"
        )
        self.sweep_failures = self._counter(
            "sweep_failures", "Sweeps of acknowledgements that Alertmanager did not allow."
        )
        self.wrong_tokens = self._counter(
            "wrong_tokens", "Requests with a token that nobody has, by where it was shown.", "at"
        )
        self.inbox_deliveries = self._gauge(
            "inbox_deliveries", "Deliveries that are stored and wait to be applied."
        )
        self.inbox_age = self._gauge(
            "inbox_oldest_delivery_age_seconds",
            "How long the oldest of them has waited; 0 when none waits.",
        )
        self.inbox_set_aside = self._gauge(
            "inbox_set_aside_deliveries", "Deliveries that could not be applied and are kept."
        )
        self.open_episodes = self._gauge("open_episodes", "Episodes with an alert that fires.")
        self.open_remediations = self._gauge(
            "open_remediations", "Remediations that have not ended, by state.", "state"
        )
        self.open_leases = self._gauge(
            "open_leases", "Changes that are taken back once they are needed no more."
        )
        self.kill_switch = self._gauge("kill_switch", "1 while the kill switch is engaged, else 0.")
        self.watchdog = self._gauge(
            "watchdog_timestamp_seconds", "When the Watchdog alert last arrived, as a Unix time."
        )
        self.reconciled = self._counter(
            "reconciled",
            "Differences between history and Alertmanager or Prometheus that were found.",
            "difference",
        )
        self.reconcile_failures = self._counter(
            "reconcile_failures", "Looks that a server did not answer.", "server"
        )
        self.reconciled_at = self._gauge(
            "reconciled_timestamp_seconds",
            "When history was last compared with both servers, as a Unix time.",
        )
        self.watch_failures = self._counter(
            "watchdog_tell_failures", "Failures to tell that the Watchdog is missing.", "path"
        )
        self.time_to_acknowledge = self._histogram(
            "time_to_acknowledge_seconds",
            "From the begin of an episode until somebody first took it.",
            "severity",
            buckets=_SLOW_BUCKETS,
        )
        self.time_to_resolve = self._histogram(
            "time_to_resolve_seconds",
            "From the begin of an episode to its end.",
            "severity",
            buckets=_SLOW_BUCKETS,
        )
        self._gauge("build_info", "Always 1.", "version").labels(VERSION).set(1)
        self._start_at_zero(list(targets))

    def text(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.families.append(Family(f"{_PREFIX}_{name}_total", "counter", labels, text))
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.families.append(Family(f"{_PREFIX}_{name}", "gauge", labels, text))
        return Gauge(f"{_PREFIX}_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = _BUCKETS
    ) -> Histogram:
        full = f"{_PREFIX}_{name}"
        self.families.append(Family(full, "histogram", labels, text))
        return Histogram(full, text, labels, buckets=buckets, registry=self._registry)

    def _start_at_zero(self, targets: list[str]) -> None:
        """Make the series exist before their first event, which rate() would miss."""
        for result in _RESULTS:
            self.deliveries.labels(result)
        for status in ("firing", "resolved"):
            self.alerts.labels(status)
        for difference in Difference:
            self.reconciled.labels(difference)
        for server in ("alertmanager", "prometheus"):
            self.reconcile_failures.labels(server)
        for severity in (*SEVERITIES, OTHER_SEVERITY):
            self.time_to_acknowledge.labels(severity)
            self.time_to_resolve.labels(severity)
        for action in sorted(actions()):
            self.duration.labels(action)
            for reason in SkipReason:
                self.skips.labels(action, reason)
            for target, outcome in product(targets, OUTCOMES):
                self.remediations.labels(action, target, outcome)
