"""What the source of an alert says: whether it fires, how old its metrics are, and its values now.

A delivery is only a claim. Whoever has the token, or reaches Alertmanager, can make one up; so
nothing is touched before Prometheus, or at least Alertmanager, has been asked.
"""

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from featurewatch_receiver.automation.guards import OVERRULED
from featurewatch_receiver.automation.remediations import Remediation
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.clients.prometheus import Prometheus, expression, literal
from featurewatch_receiver.config.receiver import AlertResponse, Check, ReceiverConfig
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import ActionSkippedError, AlertmanagerError, PrometheusError
from featurewatch_receiver.phrases import exact
from featurewatch_receiver.states import SkipReason

_FIRES = 'ALERTS{alertname=%s, alertstate="firing", extractor=%s}'

# Of the extractor, or of everything.
_WORK = (
    'ALERTS{alertname="FeaturewatchMaintenance", alertstate="firing", extractor=%s}'
    ' or ALERTS{alertname="FeaturewatchMaintenance", alertstate="firing", extractor=""}'
)

_ANY_FIRES = 'ALERTS{alertname=~%s, alertstate="firing", extractor=%s}'


def own_alerts(config: ReceiverConfig) -> list[str]:
    """Alerts about an extractor's own values; the others are about the monitoring itself."""
    return [name for name, alert in config.alerts.items() if alert.checks]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One value of an alert beside its threshold."""

    value: float
    threshold: float
    violated: bool


Readings = Mapping[str, Reading]


def words(readings: Readings) -> str:
    """The values beside their thresholds, for people."""
    each = (
        f"{name} {r.value:.4g} (threshold {exact(r.threshold)})" for name, r in readings.items()
    )
    return ", ".join(each)


def stored(readings: Readings) -> dict[str, float] | None:
    """Values as JSON can hold them: an infinite ratio is none of its numbers."""
    return {n: r.value for n, r in readings.items() if math.isfinite(r.value)} or None


class Source:
    """Asks the Prometheus of the configuration; without one, its Alertmanager."""

    def __init__(self, config: ReceiverConfig):
        self._config = config
        url = config.receiver.prometheus_url
        self._prometheus = Prometheus(url) if url else None

    def close(self) -> None:
        """Close the connections."""
        if self._prometheus:
            self._prometheus.close()

    def check(self, row: Remediation) -> None:
        """See that what a remediation is for is true.

        Raises:
            ActionSkippedError: it is not, or can't be seen.

        """
        try:
            reason, detail = self._objection(row)
        except (PrometheusError, AlertmanagerError) as error:
            reason, detail = SkipReason.SOURCE_UNREACHABLE, str(error)
        if reason and reason not in OVERRULED[row.origin]:
            raise ActionSkippedError(reason, detail)

    def readings(self, row: Remediation, window: timedelta | None = None) -> dict[str, Reading]:
        """The alert's values within the window, by name; what can't be read is missing.

        The window is kept within what checks and alert can look back; None is the least.
        """
        alert = self._config.alerts.get(row.alertname or "")
        if self._prometheus is None or alert is None or row.target is None:
            return {}
        back = _bounded(alert, window)
        read = {
            name: self._read(self._prometheus, check, row, back)
            for name, check in alert.checks.items()
        }
        return {name: reading for name, reading in read.items() if reading}

    def readings_if_any(self, row: Remediation, window: timedelta | None = None) -> Readings:
        """The same; nothing while Prometheus can't be asked."""
        try:
            return self.readings(row, window)
        except PrometheusError:
            return {}

    def fires(self, extractor: str) -> bool | None:
        """Whether an alert about the extractor's own values fires; None without a Prometheus.

        Raises:
            PrometheusError: it can't be asked.

        """
        if self._prometheus is None:
            return None
        names = "|".join(sorted(own_alerts(self._config)))
        query = _ANY_FIRES % (literal(names), literal(extractor))
        return bool(self._prometheus.values(query))

    def _objection(self, row: Remediation) -> tuple[SkipReason | None, str]:
        extractor = row.labels.get("extractor", "")
        if row.alertname and not self._fires(row.alertname, extractor):
            return SkipReason.ALERT_NOT_FIRING, f"{row.alertname} does not fire at its source"
        if self._worked_on(extractor or row.target or ""):
            return SkipReason.MAINTENANCE, "Prometheus says that it is being worked on"
        if incident := self._incident(row.alertname, extractor):
            return SkipReason.CORRELATED, f"{incident} answers for it"
        age = self._age(row)
        if age is None:
            return None, ""
        most = seconds(self._config.responses.metrics_max_age)
        if age > most:
            seen = f"measured {age:.0f} s ago" if math.isfinite(age) else "not measured at all"
            return SkipReason.METRICS_TOO_OLD, f"{seen}; the most is {most} s"
        return None, ""

    def _incident(self, alertname: str | None, extractor: str) -> str | None:
        """The correlated alert with a response of its own that this one is a member of now."""
        incidents = (
            name
            for name, alert in self._config.alerts.items()
            if alertname in alert.members
            and alert.responses
            and self._fires(name, extractor, unknown=False)
        )
        return next(incidents, None)

    def _worked_on(self, extractor: str) -> bool:
        """Whether the rules say so, whose windows may be newer than those of the receiver."""
        return self._prometheus is not None and bool(
            self._prometheus.values(_WORK % literal(extractor))
        )

    def _fires(self, alertname: str, extractor: str, *, unknown: bool = True) -> bool:
        """Whether it fires at its source; `unknown` when there is none to ask."""
        if self._prometheus:
            query = _FIRES % (literal(alertname), literal(extractor))
            return bool(self._prometheus.values(query))
        if url := self._config.receiver.alertmanager_url:
            with closing(Alertmanager(url)) as client:
                firing = [alert.labels for alert in client.alerts()]
            wanted = {"alertname": alertname, "extractor": extractor}.items()
            return any(wanted <= labels.items() for labels in firing)
        return unknown

    def _age(self, row: Remediation) -> float | None:
        """Seconds since the target was measured; None without a Prometheus."""
        if self._prometheus is None:
            return None
        query = expression(self._config.metrics_age, row.target or "", row.labels, "")
        ages = self._prometheus.values(query)
        return min(ages, default=float("inf"))

    def _read(
        self, prometheus: Prometheus, check: Check, row: Remediation, window: int
    ) -> Reading | None:
        worst = max if check.breach == "above" else min
        values, thresholds = (
            prometheus.values(expression(text, row.target or "", row.labels, f"{window}s"))
            for text in (check.value, check.threshold)
        )
        if not values or not thresholds:
            return None
        value, threshold = worst(values), thresholds[0]
        violated = check.is_beyond(value, threshold)
        return Reading(value=value, threshold=threshold, violated=violated)


def _bounded(alert: AlertResponse, window: timedelta | None) -> int:
    least, most = seconds(alert.min_window), seconds(alert.window)
    wanted = int(window.total_seconds()) if window else least
    return max(least, min(wanted, most))
