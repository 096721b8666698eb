"""`featurewatch ack` on the virtual clock: the receiver's own code with a client of the model."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from featurewatch_kit.alertmanager.engine import Alertmanager
from featurewatch_kit.alertmanager.labels import label_set
from featurewatch_kit.alertmanager.matchers import Matcher as ModelMatcher
from featurewatch_kit.chain.story import Acknowledged, Firing
from featurewatch_kit.errors import ArgumentError
from featurewatch_receiver.clients.alertmanager import (
    Alert,
    AlertStatus,
    Matcher,
    NewSilence,
    Silence,
    SilenceStatus,
)
from featurewatch_receiver.errors import ReceiverError
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Note

_OPERATORS = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}


class VirtualClient:
    """What an acknowledger asks of an Alertmanager, of the model at one moment."""

    def __init__(self, model: Alertmanager, firing: Callable[[float], Sequence[Firing]]) -> None:
        """`firing`: the alerts that fire at a moment, in seconds since the epoch."""
        self._model = model
        self._firing = firing
        self._made: dict[str, Silence] = {}
        self.now = 0.0

    def acknowledge(self, made: Acknowledged, at: float) -> None:
        """Acknowledge an alert at this moment.

        Raises:
            ArgumentError: none that fires is meant, or several are.

        """
        self.now = at
        try:
            note = Note(user="test", reason="test", duration=timedelta(seconds=made.lasts))
            Acknowledger(self, lambda: _datetime(at)).acknowledge(made.wanted, note)
        except ReceiverError as error:
            raise ArgumentError(f"acknowledgement: {error}") from error

    def alerts(self) -> list[Alert]:
        """Every alert that fires."""
        return [
            Alert(
                labels=dict(one.labels),
                status=AlertStatus(silenced_by=tuple(self._silenced_by(one))),
                annotations={},
                starts_at=_datetime(self.now),
                fingerprint="",
                receivers=(),
            )
            for one in self._firing(self.now)
        ]

    def _silenced_by(self, one: Firing) -> list[str]:
        found = self._model.silences.muting(label_set(one.labels), self.now)
        return [silence.id for silence in found]

    def silences(self) -> list[Silence]:
        """Every silence of an acknowledgement that is not over."""
        return [one for one in self._made.values() if one.ends_at > _datetime(self.now)]

    def add_silence(self, silence: NewSilence) -> str:
        """Make a silence and return its id."""
        matchers = [_of_the_model(one) for one in silence.matchers]
        made = self._model.silence(matchers, silence.ends_at.timestamp(), self.now)
        status = SilenceStatus(state="active")
        self._made[made] = Silence(**silence.model_dump(), id=made, status=status)
        return made

    def expire_silence(self, silence_id: str) -> None:
        """End a silence now."""
        self._model.unsilence(silence_id, self.now)
        del self._made[silence_id]


def _of_the_model(matcher: Matcher) -> ModelMatcher:
    operator = _OPERATORS[matcher.is_equal, matcher.is_regex]
    return ModelMatcher(matcher.name, operator, matcher.value)


def _datetime(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
