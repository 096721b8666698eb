"""What Alertmanager and Prometheus say at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from featurewatch_receiver.clients.alertmanager import Alert, Alertmanager, Silence
from featurewatch_receiver.clients.prometheus import Prometheus
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR
from featurewatch_receiver.silences import acknowledgement
from featurewatch_receiver.silences.acknowledgement import Acknowledgement, Kind
from featurewatch_receiver.store.database import without_nul

_FIRING = 'ALERTS{alertstate="firing"}'
_NO_LABELS_OF_THE_ALERT = frozenset({"__name__", "alertstate"})

Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class View:
    """One look at both."""

    #: When it began, by our clock.
    asked_at: datetime
    #: When this Alertmanager started.
    started_at: datetime
    #: What it has, by fingerprint; muted ones too.
    alerts: dict[str, Alert]
    #: Silences in effect, by id.
    silences: dict[str, Silence]
    #: Those of them that are ours.
    acknowledgements: tuple[Acknowledgement, ...]
    #: What it has had since it started, as far as the looks before saw it.
    seen: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> frozenset[tuple[str, str]]:
        """Name and extractor of what it has."""
        return frozenset(name_of(alert) for alert in self.alerts.values())

    @cached_property
    def _ours(self) -> frozenset[str]:
        return frozenset(made.id for made in self.acknowledgements)

    def holding(self, labels: Labels) -> Acknowledgement | None:
        """Who has taken the alert; a hold of the automation is nobody."""
        people = (a for a in self.acknowledgements if a.kind is not Kind.HOLD)
        return next((made for made in people if made.holds(labels)), None)

    def foreign_silences(self, alert: Alert) -> list[Silence]:
        """The silences that mute the alert and are no acknowledgement and no hold."""
        ids = [found for found in alert.status.silenced_by if found not in self._ours]
        return [self.silences[found] for found in ids if found in self.silences]

    def is_held(self, alert: Alert) -> bool:
        """Whether it is a level that an acknowledgement or a hold keeps back, and nothing else."""
        return bool(alert.status.silenced_by) and not self.foreign_silences(alert)


def name_of(alert: Alert) -> tuple[str, str]:
    """Name and extractor, as history has them."""
    name, extractor = (alert.labels.get(label, "") for label in (ALERTNAME, EXTRACTOR))
    return without_nul(name), without_nul(extractor)


def is_muted(alert: Alert) -> bool:
    """Whether nobody is told of it now."""
    return bool(alert.status.silenced_by or alert.status.inhibited_by)


def look(client: Alertmanager, now: datetime) -> View:
    """Ask Alertmanager.

    Raises:
        AlertmanagerError: it can't be asked.

    """
    started_at = client.started_at()
    # Silences last: each that is named by an alert is among them, unless it has just ended.
    alerts = {alert.fingerprint: alert for alert in client.all_alerts()}
    silences = {s.id: s for s in client.silences() if s.status.state == "active"}
    ours = (acknowledgement.read(silence) for silence in silences.values())
    return View(
        asked_at=now,
        started_at=started_at,
        alerts=alerts,
        silences=silences,
        acknowledgements=tuple(made for made in ours if made),
    )


def firing_at(prometheus: Prometheus) -> list[Labels]:
    """Labels of each alert that fires at Prometheus.

    Raises:
        PrometheusError: it can't be asked.

    """
    return [
        {name: value for name, value in labels.items() if name not in _NO_LABELS_OF_THE_ALERT}
        for labels, _ in prometheus.samples(_FIRING)
    ]


def same_alert(one: Labels, other: Labels) -> bool:
    """Whether labels of Prometheus and of Alertmanager are those of one alert.

    External labels and relabelling make them differ, so only those count that both have.
    """
    both = one.keys() & other.keys()
    return one.get(EXTRACTOR) == other.get(EXTRACTOR) and all(one[n] == other[n] for n in both)
