"""A story told in Python: `chain.at("5m").firing("FeatureExtractionErrorRateHigh")`."""

from datetime import UTC, datetime

from featurewatch_kit.alertmanager.durations import duration, seconds
from featurewatch_kit.alertmanager.labels import Labels, label_set
from featurewatch_kit.alertmanager.matchers import parse_all
from featurewatch_kit.chain.play import Told, play
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import (
    LONGEST,
    START,
    Acknowledged,
    Firing,
    Restart,
    Silenced,
    Story,
)
from featurewatch_kit.errors import ArgumentError
from featurewatch_receiver.labels import ALERTNAME, LEVEL, POLICY

#: Labels by what they are called here.
_SHORT = {"level": LEVEL, "policy": POLICY}


class Chain:
    """What happens to a configuration, and who is told of it.

    Moments are durations from the beginning (`5m`), and may come in any order. Every method raises
    ArgumentError for what can't be.
    """

    def __init__(self, setting: Setting, start: datetime = START) -> None:
        """Begin at `start`, in UTC if it has no zone; time intervals depend on it."""
        self.setting = setting
        self.story = Story(start if start.tzinfo else start.replace(tzinfo=UTC))
        self._episodes: list[_Episode] = []

    def at(self, time: str) -> "Moment":
        """Return a moment, at which something can happen."""
        return Moment(self, _seconds(time))

    def told(self, who: str | None = None) -> list[Told]:
        """What somebody is told, or everybody, until all that happens has been told."""
        return self.told_until(self.story.last + self.setting.longest_interval, who)

    def told_until(self, until: float, who: str | None = None) -> list[Told]:
        """What is told until a moment, in seconds from the beginning."""
        people = self.setting.people
        if who is not None and who not in people.names:
            names = ", ".join(sorted(people.names))
            raise ArgumentError(f"{who!r} is nobody that can be told; write one of {names}")
        wanted = people.persons if who is None else {who}
        told = play(self.setting, self.story, until)
        return [message for message in told if wanted.intersection(message.people)]

    def begin(self, name: str | None, labels: Labels, at: float) -> None:
        """Let an alert fire from this moment on, each of its levels when it is due."""
        forms = self.setting.levels(name, dict(label_set(labels)))
        levels = [Firing(form, at + delay) for form, delay in forms]
        self.story.alerts += levels
        self._episodes.append(_Episode(at, levels))

    def end(self, labels: Labels, at: float) -> None:
        """Let what fires and has these labels end at this moment; later levels never begin."""
        ending = [one for one in self._episodes if one.goes_on(labels, at)]
        if not ending:
            raise ArgumentError(f"{dict(labels)} does not fire at {duration(at)}")
        for episode in ending:
            self.story.alerts = [
                one for one in self.story.alerts if one not in episode.levels or one.begin < at
            ]
            episode.end(at)


class _Episode:
    """An alert with its levels, from one beginning to its end."""

    def __init__(self, begin: float, levels: list[Firing]) -> None:
        self._begin = begin
        self.levels = levels

    def goes_on(self, labels: Labels, at: float) -> bool:
        return self._begin < at and any(
            labels.items() <= one.labels.items() and at < one.end for one in self.levels
        )

    def end(self, at: float) -> None:
        for one in self.levels:
            one.end = min(one.end, at)


class Moment:
    """A moment of a chain; what happens at it returns it, so that more can happen."""

    def __init__(self, chain: Chain, time: float) -> None:
        self._chain = chain
        self._time = time

    def firing(self, alert: str | Labels, **labels: str | int) -> "Moment":
        """An alert begins: all levels of ours in turn, or the one that `level` names.

        Labels that follow from the configuration can be left out. An alert that is not ours is
        named by all of its labels: `{"alertname": "DiskFull", "team": "a"}`.
        """
        name = alert if isinstance(alert, str) else None
        self._chain.begin(name, _labels(alert, labels), self._time)
        return self

    def resolved(self, alert: str | Labels, **labels: str | int) -> "Moment":
        """An alert ends, on all levels."""
        self._chain.end(_labels(alert, labels), self._time)
        return self

    def silence(self, *matchers: str, lasts: str | None = None) -> "Moment":
        """Somebody silences what matches all of these, for good if nothing is said."""
        if not matchers:
            raise ArgumentError("a silence has matchers; write 'alertname=\"NAME\"', say")
        one = Silenced(parse_all(matchers), self._time)
        if lasts is not None:
            one = Silenced(one.matchers, one.begin, one.begin + _seconds(lasts))
        self._chain.story.silences.append(one)
        return self

    def acknowledge(self, alert: str, *, lasts: str = "8h", **labels: str | int) -> "Moment":
        """Somebody works on an alert of ours, as `featurewatch ack` says it."""
        if self._chain.setting.catalogue is None:
            raise ArgumentError("only alerts of featurewatch are acknowledged; write a silence")
        made = Acknowledged(_labels(alert, labels), self._time, _seconds(lasts))
        self._chain.story.acknowledgements.append(made)
        return self

    def restart(self, *, lasts: str = "10s", killed: bool = False) -> "Moment":
        """Alertmanager goes away, and comes back."""
        self._chain.story.restarts.append(Restart(self._time, _seconds(lasts), killed))
        return self

    def told(self, who: str | None = None) -> list[Told]:
        """What somebody is told until this moment, or everybody."""
        return self._chain.told_until(self._time, who)


def _labels(alert: str | Labels, labels: dict[str, str | int]) -> dict[str, str]:
    named = {_SHORT.get(name, name): str(value) for name, value in labels.items()}
    return {**({ALERTNAME: alert} if isinstance(alert, str) else alert), **named}


def _seconds(text: str) -> float:
    try:
        found = seconds(text)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    if found > LONGEST.total_seconds():
        raise ArgumentError(f"{text} is too long; a story lasts at most {LONGEST.days}d")
    return found
