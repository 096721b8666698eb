"""Alertmanager on a virtual clock.

    alertmanager = Alertmanager(read_configuration(text), version="0.33.1")
    alertmanager.post([Sent({"alertname": "Slow"})], at=0)
    for message in alertmanager.advance(3600): ...

Times are seconds since the epoch and only go forward. What is posted at a moment at which a group
is due is there before the group is looked at, unless time was advanced to that moment before.
"""

import math
from collections.abc import Iterable

from featurewatch_kit.alertmanager.alerts import Sent, Store, received
from featurewatch_kit.alertmanager.configuration import Configuration
from featurewatch_kit.alertmanager.dispatcher import Dispatcher
from featurewatch_kit.alertmanager.groups import Message, Pipeline
from featurewatch_kit.alertmanager.inhibition import Inhibitor
from featurewatch_kit.alertmanager.matchers import Matcher
from featurewatch_kit.alertmanager.notification_log import NotificationLog
from featurewatch_kit.alertmanager.silences import Silences
from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.alertmanager.versions import version as read_version
from featurewatch_kit.errors import ArgumentError


class Alertmanager:
    """One Alertmanager without peers, whose receivers take every message at once."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        version: str = DEFAULT,
        started: float = 0.0,
        start_delay: float = 0.0,
    ) -> None:
        """Start it at `started`; `start_delay` is its flag --dispatch.start-delay, in seconds."""
        self._version = read_version(version)
        if start_delay and not self._version.waits_to_dispatch:
            raise ArgumentError(f"Alertmanager {version} has no --dispatch.start-delay")
        self.now = started
        #: Every message so far.
        self.sent: list[Message] = []
        self.silences = Silences(started)
        self._configuration = configuration
        self._start_delay = start_delay
        self._log = NotificationLog(started)
        self._start(started)

    def _start(self, now: float) -> None:
        self._running = True
        self._store = Store(now)
        self._begins = now + self._start_delay
        self._load(now)

    def _load(self, now: float) -> None:
        self._inhibitor = Inhibitor(self._configuration.inhibit_rules, self._version, now)
        pipeline = Pipeline(self._configuration, self._inhibitor, self.silences, self._log)
        self._dispatcher = Dispatcher(pipeline, self._version, now, self._begins)
        alerts = self._store.known(now)
        for alert in alerts:
            self._inhibitor.see(alert)
        for alert in alerts:
            self._dispatcher.take(alert, now)

    @property
    def next_look(self) -> float:
        """When something can be told next; infinity: not before something is posted."""
        return self._dispatcher.next_look if self._running else math.inf

    def advance(self, to: float) -> list[Message]:
        """Let time go on, and return what is told until then, `to` included."""
        before = len(self.sent)
        self._until(to)
        while self.next_look <= to:
            self.sent += self._dispatcher.look()
        self._dispatcher.over = to
        return self.sent[before:]

    def _until(self, to: float) -> None:
        """Let time go on, without what is due at `to` itself."""
        if to < self.now:
            raise ArgumentError(f"time goes back from {self.now} to {to}")
        while self.next_look < to:
            self.sent += self._dispatcher.look()
        self.now = to

    def post(self, alerts: Iterable[Sent], at: float) -> None:
        """Send alerts to it, as Prometheus does; they are lost while it is stopped.

        Raises:
            ArgumentError: it would refuse one of them.

        """
        self._until(at)
        if not self._running:
            return
        timeout = self._configuration.resolve_timeout
        for alert in [received(one, at, timeout) for one in alerts]:
            kept = self._store.put(alert, at)
            if self._inhibitor.see(kept):
                self._dispatcher.wake(at)
            self._dispatcher.take(kept, at)

    def silence(self, matchers: Iterable[Matcher], ends_at: float, at: float) -> str:
        """Silence what matches from now on, and return the silence's id."""
        self._until(at)
        self._dispatcher.wake(at)
        return self.silences.add(matchers, at, ends_at)

    def unsilence(self, silence_id: str, at: float) -> None:
        """End a silence."""
        self._until(at)
        self._dispatcher.wake(at)
        self.silences.expire(silence_id, at)

    def reload(self, configuration: Configuration, at: float) -> None:
        """Read a new configuration: groups begin anew, what was told is remembered."""
        self._until(at)
        self._configuration = configuration
        if self._running:
            self._load(at)

    def stop(self, at: float, *, killed: bool = False) -> None:
        """End the process: its alerts are lost.

        Killed, it also forgets what it told, and how it was silenced, in the last 15 minutes.
        """
        self._until(at)
        self._running = False
        self._log.stop(at, killed=killed)
        self.silences.stop(at, killed=killed)

    def start(self, at: float) -> None:
        """Start the process again."""
        self._until(at)
        self._log.start(at)
        self.silences.start(at)
        self._start(at)
