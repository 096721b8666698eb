"""Plays a story: Prometheus sends, people act, Alertmanager tells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from featurewatch_kit.alertmanager.alerts import Alert, Sent
from featurewatch_kit.alertmanager.durations import duration
from featurewatch_kit.alertmanager.engine import Alertmanager
from featurewatch_kit.alertmanager.groups import Message
from featurewatch_kit.chain.setting import Setting
from featurewatch_kit.chain.story import Firing, Story
from featurewatch_kit.errors import ArgumentError
from featurewatch_receiver.labels import ALERTNAME

#: Seconds after which Prometheus sends what it sent again (--rules.alert.resend-delay).
RESEND_SECONDS = 60.0
#: How long Prometheus goes on sending an end.
ENDS_SECONDS = 900.0
#: What Prometheus sends ends by itself after four times that, if it sends nothing more.
_LASTS = 4 * RESEND_SECONDS

_Event = tuple[float, int, Callable[[float], object]]


@dataclass(frozen=True)
class Told:
    """One message by one channel."""

    #: Seconds from the story's beginning.
    time: float
    #: Who reads it: people by their names, or the receiver.
    people: tuple[str, ...]
    #: email, slack, pagerduty, webhook, ...
    channel: str
    receiver: str
    #: The labels that its alerts are grouped by, with their values.
    group: dict[str, str]
    #: As Alertmanager says it: firing while one of its alerts does.
    status: Literal["firing", "resolved"]
    #: The labels of the alerts that fire, and of those that have ended.
    firing: tuple[dict[str, str], ...]
    resolved: tuple[dict[str, str], ...]

    @property
    def at(self) -> str:
        """Its time as a duration: 5m45s."""
        return duration(self.time)

    @property
    def alerts(self) -> list[str]:
        """The names of its alerts, each once."""
        return list(dict.fromkeys(one[ALERTNAME] for one in (*self.firing, *self.resolved)))


def play(setting: Setting, story: Story, until: float) -> list[Told]:
    """Play a story to a moment, in seconds from its beginning, and return what is told.

    Raises:
        ArgumentError: what is acknowledged does not fire, or is not one alert; or an alert fires
            twice at once.

    """
    doubled = story.doubled()
    if doubled:
        raise ArgumentError(f"{dict(doubled.labels)}: fires twice at once; let one end before")
    model = Alertmanager(setting.configuration, version=setting.version, started=story.base)
    for time, _, act in sorted(_events(model, story, until), key=lambda event: event[:2]):
        act(story.base + time)
    model.advance(story.base + until)
    return [_told(message, setting, story) for message in model.sent]


def _events(model: Alertmanager, story: Story, until: float) -> Iterator[_Event]:
    """What happens, with its rank among what happens at the same moment."""
    everything = (
        *_of_alertmanager(model, story),
        *_of_prometheus(model, story, until),
        *_of_people(model, story),
    )
    return (event for event in everything if event[0] <= until)


def _of_alertmanager(model: Alertmanager, story: Story) -> Iterator[_Event]:
    for restart in story.restarts:
        yield restart.at, 0, partial(model.stop, killed=restart.killed)
        yield restart.at + restart.lasts, 1, model.start


def _of_prometheus(model: Alertmanager, story: Story, until: float) -> Iterator[_Event]:
    for one in story.alerts:
        # One second more, for what begins at the very end.
        for time in _every(one.begin, min(one.end, until + 1)):
            yield time, 2, partial(model.post, [_sent(one, story.base, time + _LASTS)])
        for time in _every(one.end, min(one.end + ENDS_SECONDS, story.next_beginning(one))):
            yield time, 2, partial(model.post, [_sent(one, story.base, one.end)])


def _every(begin: float, end: float) -> Iterator[float]:
    while begin < end:
        yield begin
        begin += RESEND_SECONDS


def _sent(one: Firing, base: float, ends: float) -> Sent:
    return Sent(one.labels, base + one.begin, base + ends)


def _of_people(model: Alertmanager, story: Story) -> Iterator[_Event]:
    for silence in story.silences:
        act = partial(model.silence, silence.matchers, silence.end + story.base)
        yield silence.begin, 3, act
    if story.acknowledgements:
        # It needs the receiver's client, which takes longer to load than all the rest.
        from featurewatch_kit.chain.acknowledging import VirtualClient

        client = VirtualClient(
            model, lambda at: [one for one in story.alerts if one.fires(at - story.base)]
        )
        for made in story.acknowledgements:
            yield made.at, 4, partial(client.acknowledge, made)


def _told(message: Message, setting: Setting, story: Story) -> Told:
    return Told(
        time=round(message.time - story.base, 3),
        people=setting.people.behind(message.receiver, message.integration),
        channel=message.integration.partition("[")[0],
        receiver=message.receiver,
        group=dict(message.group_labels),
        status="firing" if message.firing else "resolved",
        firing=_labels(message.firing),
        resolved=_labels(message.resolved),
    )


def _labels(alerts: tuple[Alert, ...]) -> tuple[dict[str, str], ...]:
    return tuple(dict(alert.labels) for alert in alerts)
