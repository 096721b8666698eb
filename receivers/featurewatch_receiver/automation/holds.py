"""Holds the next escalation level back while an action is at work.

A hold is a silence on the levels above those that have spoken, like an acknowledgement. It is about
every alert of the extractor that this action is a response to: those that begin a moment later are
the same trouble. It ends by itself at its deadline, also when this receiver is gone by then.

It bears its remediation's id, by which it is found again whoever made it: a process may end, and an
answer get lost, before anybody knows the silence's own.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import timedelta

from featurewatch_receiver import logs
from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.remediations import Remediation
from featurewatch_receiver.clients.alertmanager import Alertmanager, Matcher, NewSilence
from featurewatch_receiver.clock import utc_now
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import AlertmanagerError
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR, LEVEL, POLICY, level_of
from featurewatch_receiver.silences.acknowledgement import AT_ONCE, Kind, comment, read
from featurewatch_receiver.states import OPEN, State

USER = "featurewatch"
# After a cure the alert has yet to decay.
_HOLDING = (*OPEN, State.EFFECTIVE)
_REMEDIATION = re.compile(r"is at work \((.+)\)$")


def hold(config: ReceiverConfig, row: Remediation, duration: timedelta) -> str | None:
    """Hold the next level for so long, in place of an earlier hold; return the silence's id.

    None: there is nothing to hold, or Alertmanager can't be asked. Without the hold people are
    told, which is the safe side.
    """
    extractor = row.labels.get(EXTRACTOR)
    if not duration or not row.alertname or not extractor:
        return None
    names = sorted({row.alertname, *_answered_by(config, row.action)})

    def make(client: Alertmanager) -> str:
        earlier = _held(client)[row.id]
        made = client.add_silence(_silence(row, names, _level(client, names, extractor), duration))
        _expire(client, earlier)  # afterwards, so that no level slips through in between
        return made

    return _with(config, "hold", make)


def release(config: ReceiverConfig, row_id: str) -> None:
    """Let the levels speak again that a remediation held; if that fails, `sweep` does it."""
    _with(config, "release", lambda client: _expire(client, _held(client)[row_id]))


def sweep(core: Core, client: Alertmanager) -> None:
    """Release what is held for a remediation that has ended without a cure.

    One that this database does not know is another receiver's.

    Raises:
        AlertmanagerError: Alertmanager can't be asked.
        sqlalchemy.exc.SQLAlchemyError: the database can't.

    """
    held = _held(client)
    with core.reader.begin() as connection:
        rows = [remediations.load(connection, row_id) for row_id in held]
    for row in rows:
        if row and row.state not in _HOLDING:
            _expire(client, held[row.id])
            logs.event("hold released", id=row.id, state=row.state)


def decay(config: ReceiverConfig, action: str) -> timedelta:
    """How long the alerts that this action answers go on firing after a cure."""
    times = [seconds(config.alerts[name].decay) for name in _answered_by(config, action)]
    return timedelta(seconds=max(times, default=0))


def _answered_by(config: ReceiverConfig, action: str) -> list[str]:
    return [name for name, alert in config.alerts.items() if action in alert.responses]


def _level(client: Alertmanager, names: list[str], extractor: str) -> int:
    """The highest level of these that has spoken."""
    spoken = [
        level_of(alert.labels)
        for alert in client.alerts()
        if alert.labels.get(ALERTNAME) in names
        and alert.labels.get(EXTRACTOR) == extractor
        and not alert.status.silenced_by
    ]
    return max(spoken, default=1)


def _silence(row: Remediation, names: list[str], level: int, duration: timedelta) -> NewSilence:
    spoken = "|".join(str(number) for number in range(1, level + 1))
    alertnames = "|".join(re.escape(name) for name in names)
    return NewSilence(
        matchers=(
            Matcher(name=ALERTNAME, value=alertnames, is_regex=True),
            Matcher(name=EXTRACTOR, value=row.labels[EXTRACTOR]),
            Matcher(name=POLICY, value=".+", is_regex=True),
            Matcher(name=LEVEL, value=spoken, is_regex=True, is_equal=False),
        ),
        starts_at=AT_ONCE,
        ends_at=utc_now() + duration,
        created_by=USER,
        comment=comment(Kind.HOLD, level, f"{row.action} is at work ({row.id})"),
    )


def _held(client: Alertmanager) -> dict[str, list[str]]:
    """Ids of the holds in effect, by their remediation's."""
    found: dict[str, list[str]] = defaultdict(list)
    for silence in client.silences():
        made = read(silence)
        if made and made.kind is Kind.HOLD and (of := _REMEDIATION.search(made.reason)):
            found[of[1]].append(made.id)
    return found


def _expire(client: Alertmanager, silence_ids: Iterable[str]) -> None:
    for silence_id in silence_ids:
        client.expire_silence(silence_id)


def _with(
    config: ReceiverConfig, what: str, work: Callable[[Alertmanager], str | None]
) -> str | None:
    url = config.receiver.alertmanager_url
    if url is None:
        return None
    with closing(Alertmanager(url)) as client:
        try:
            return work(client)
        except AlertmanagerError as error:
            logs.trouble("level can't be held", error, what=what)
            return None
