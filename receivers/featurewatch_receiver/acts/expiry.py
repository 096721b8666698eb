"""Ends an acknowledgement with its alert: the next one must escalate again."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from featurewatch_receiver import logs
from featurewatch_receiver.automation import holds
from featurewatch_receiver.clients.alertmanager import Alertmanager
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import AlertmanagerError
from featurewatch_receiver.labels import ALERTNAME
from featurewatch_receiver.loops import Duty, Loop
from featurewatch_receiver.silences.acknowledgement import Acknowledgement, Acknowledger

SWEEP_SECONDS = 15.0
# An alert has ended when Alertmanager has been without it for so long. It knows none when it has
# just started; Prometheus sends each again within a minute (--rules.alert.resend-delay).
GONE_SECONDS = 120.0


class Sweeper:
    """Expires the acknowledgements whose alert has ended.

    Gone counts only what this sweeper saw itself, without a break and from one run of Alertmanager;
    after a restart or an outage it counts anew. An alert that is back before stays acknowledged.
    """

    def __init__(self, client: Alertmanager, clock: Callable[[], float] = time.monotonic):
        self._client = client
        self._acknowledger = Acknowledger(client)
        self._clock = clock
        self._started_at: datetime | None = None
        #: When an acknowledgement, by its id, was first seen without its alert.
        self._gone: dict[str, float] = {}

    def sweep(self) -> list[Acknowledgement]:
        """Look once, and return what was expired.

        Raises:
            AlertmanagerError: Alertmanager can't be asked.

        """
        try:
            self._look()
            return self._expire()
        except AlertmanagerError:
            self._gone.clear()
            raise

    def _look(self) -> None:
        started_at = self._client.started_at()
        if started_at != self._started_at:
            self._gone.clear()
            self._started_at = started_at
        self._current = self._acknowledger.current()
        firing = [alert.labels for alert in self._client.alerts()]
        now = self._clock()
        self._gone = {
            made.id: self._gone.get(made.id, now)
            for made in self._current
            if not any(made.covers(labels) for labels in firing)
        }

    def _expire(self) -> list[Acknowledgement]:
        now = self._clock()
        ended = [m for m in self._current if now - self._gone.get(m.id, now) >= GONE_SECONDS]
        for made in ended:
            self._client.expire_silence(made.id)
        return ended


def sweeping(core: Core, stop: threading.Event, pause: float = SWEEP_SECONDS) -> Loop | None:
    """The loop that sweeps acknowledgements and holds; None without an Alertmanager."""
    if core.config.receiver.alertmanager_url is None:
        return None
    client = Alertmanager(core.config.receiver.alertmanager_url)
    sweeper = Sweeper(client)
    duties = (
        Duty("acknowledgements", lambda: _sweep(sweeper, core), core.metrics),
        Duty("holds", lambda: holds.sweep(core, client), core.metrics),
    )
    return Loop("sweeper", duties, pause, stop, close=[client.close])


def _sweep(sweeper: Sweeper, core: Core) -> None:
    try:
        ended = sweeper.sweep()
    except AlertmanagerError:
        core.metrics.sweep_failures.inc()
        raise
    for made in ended:
        name = made.labels.get(ALERTNAME)
        logs.event("acknowledgement ended", alertname=name, labels=made.labels, user=made.user)
