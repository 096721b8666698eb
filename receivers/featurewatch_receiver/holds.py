"""Holds the next escalation level back while an action is at work.

A hold is a silence on the levels above those that have spoken, like an acknowledgement. It ends by
itself at its deadline, also when this receiver is gone by then.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

from featurewatch_receiver import logs
from featurewatch_receiver.acknowledge import ALERTNAME, EXTRACTOR, Acknowledger, Kind, Note
from featurewatch_receiver.alertmanager import Alertmanager
from featurewatch_receiver.config import ReceiverConfig
from featurewatch_receiver.errors import AcknowledgementError, AlertmanagerError
from featurewatch_receiver.remediations import Remediation

USER = "featurewatch"


def hold(config: ReceiverConfig, row: Remediation, duration: timedelta) -> str | None:
    """Hold the next level of the remediation's alert for so long; return the silence's id.

    None: there is nothing to hold, somebody has acknowledged it, or Alertmanager can't be asked.
    Without the hold people are told, which is the safe side.
    """
    if not duration or not row.alertname:
        return None
    wanted = {ALERTNAME: row.alertname, EXTRACTOR: row.labels.get(EXTRACTOR, "")}
    note = Note(user=USER, reason=f"{row.action} is at work", duration=duration)

    def make(client: Alertmanager) -> str | None:
        acknowledger = Acknowledger(client)
        if any(
            made.covers(row.labels) and made.kind is not Kind.HOLD
            for made in acknowledger.current()
        ):
            return None
        return acknowledger.acknowledge(wanted, note, Kind.HOLD).id

    return _with(config, "level can't be held", make)


def release(config: ReceiverConfig, silence_id: str) -> None:
    """Let the levels speak again."""

    def expire(client: Alertmanager) -> str | None:
        if any(silence.id == silence_id for silence in client.silences()):
            client.expire_silence(silence_id)
        return None

    _with(config, "level can't be released", expire)


def _with(
    config: ReceiverConfig, trouble: str, work: Callable[[Alertmanager], str | None]
) -> str | None:
    url = config.receiver.alertmanager_url
    if url is None:
        return None
    with closing(Alertmanager(url)) as client:
        try:
            return work(client)
        except (AlertmanagerError, AcknowledgementError) as error:
            logs.trouble(trouble, error)
            return None
