"""The cases on the model."""

from collections.abc import Iterable
from functools import lru_cache

from featurewatch_kit.alertmanager.alerts import Sent
from featurewatch_kit.alertmanager.configuration import read_configuration
from featurewatch_kit.alertmanager.engine import Alertmanager
from featurewatch_kit.alertmanager.groups import Message
from featurewatch_kit.alertmanager.labels import written
from featurewatch_kit.alertmanager.matchers import Matcher
from kit.alertmanager.differential.batch import LABEL, Happened, Told

_OPERATORS = {
    (True, False): "=",
    (False, False): "!=",
    (True, True): "=~",
    (False, True): "!~",
}


_read = lru_cache(maxsize=8)(read_configuration)


def run(
    text: str,
    events: Iterable[Happened],
    version: str,
    times: tuple[float, float],
    start_delay: float = 0.0,
) -> list[Told]:
    """What is told from the first of these times, at which it starts, to the last."""
    started, end = times
    configuration = _read(text, version)
    model = Alertmanager(configuration, version=version, started=started, start_delay=start_delay)
    silences: dict[int, list[str]] = {}
    for event in sorted(events, key=lambda one: one.at):
        if event.process == "reload":
            model.reload(configuration, event.at)
        elif event.process == "start":
            model.start(event.at)
        elif event.process:
            model.stop(event.at, killed=event.process == "kill")
        elif event.silence:
            found = event.silence["matcher"]
            operator = _OPERATORS[found["isEqual"], found["isRegex"]]
            matchers = [
                Matcher(found["name"], operator, found["value"]),
                Matcher(LABEL, "=", str(event.case)),
            ]
            made = model.silence(matchers, event.silence["ends"], event.at)
            silences.setdefault(event.case, []).append(made)
        elif event.unsilence is not None:
            model.unsilence(silences[event.case][event.unsilence], event.at)
        else:
            model.post([_sent(event, one) for one in event.post], event.at)
    model.advance(end)
    return [_told(message) for message in model.sent]


def _sent(event: Happened, alert: dict) -> Sent:
    labels = {**alert["labels"], LABEL: str(event.case)}
    return Sent(labels, alert["starts"], alert["ends"])


def _told(message: Message) -> Told:
    ended = {alert.labels for alert in message.resolved}
    index = message.integration.partition("[")[2].rstrip("]")
    return Told(
        time=message.time,
        path=f"{message.receiver}/{index}",
        group=message.group_key,
        alerts=tuple(
            (written(alert.labels), "resolved" if alert.labels in ended else "firing")
            for alert in message.alerts
        ),
        starts=tuple(alert.starts_at for alert in message.alerts),
    )
