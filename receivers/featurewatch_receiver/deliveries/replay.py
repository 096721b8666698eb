"""Recorded deliveries: writes them down, sends them again, and tells what would be decided."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests

from featurewatch_receiver.access.token_files import Tokens, read_token
from featurewatch_receiver.automation import remediations
from featurewatch_receiver.automation.remediations import Decision, Step
from featurewatch_receiver.config.receiver import Receiver, ReceiverConfig
from featurewatch_receiver.core import Core, open_core
from featurewatch_receiver.deliveries.apply import Delivery, accept
from featurewatch_receiver.deliveries.payload import PATH, WebhookPayload, parse
from featurewatch_receiver.errors import ConfigError, PayloadError, ReplayError
from featurewatch_receiver.logs import one_line
from featurewatch_receiver.states import State
from featurewatch_receiver.store.migrate import migrate
from featurewatch_receiver.store.queue import WorkQueue

TIMEOUT_SECONDS = 30.0
#: A receiver that is busy or away for a moment is asked again, each time after a second.
ATTEMPTS = 30
_PAUSE_SECONDS = 1.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One line of a recording."""

    place: str
    body: bytes
    webhook: WebhookPayload

    def at(self) -> datetime:
        """When it was sent, as far as its alerts tell: the last beginning or end."""
        alerts = self.webhook["alerts"]
        return max(a["endsAt"] if a["status"] == "resolved" else a["startsAt"] for a in alerts)


def read(file: str) -> list[Recorded]:
    """Read a recording; `-` is standard input.

    Raises:
        ConfigError: it can't be read, or lines are no deliveries; one line for each.

    """
    problems, found = [], []
    for number, line in enumerate(_lines(file), 1):
        place = f"{'stdin' if file == '-' else file}:{number}"
        try:
            recorded = Recorded(place=place, body=line, webhook=parse(line))
        except PayloadError as error:
            problems.append(f"{place}: {error}")
            continue
        if recorded.webhook["alerts"]:
            found.append(recorded)
    if problems:
        raise ConfigError(problems)
    return found


def _lines(file: str) -> list[bytes]:
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigError([f"{file}: can't be read ({error.strerror}); write its path"]) from error
    return [line for line in text.split(b"\n") if line.strip()]


def send(recording: list[Recorded], receiver: Receiver) -> None:
    """Post the deliveries to the receiver that is configured so, in their order.

    Raises:
        ConfigError: the token file can't be used.
        ReplayError: the receiver can't be reached or refused one; those before it are stored.

    """
    token = read_token("receiver.token_file", receiver.token_file)
    url = receiver.url.rstrip("/") + PATH
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        session.headers["Content-Type"] = "application/json"
        if tls := receiver.client_tls:
            session.verify = tls.ca_file or True
            if tls.cert_file and tls.key_file:
                session.cert = (tls.cert_file, tls.key_file)
        for number, recorded in enumerate(recording):
            if fault := _post(session, url, recorded.body):
                raise ReplayError(f"{recorded.place}: {fault}; the {number} before it are stored")


def _post(session: requests.Session, url: str, body: bytes) -> str | None:
    """Send until it is stored; why it can't be, or None."""
    fault = None
    for _ in range(ATTEMPTS):
        try:
            reply = session.post(url, data=body, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            return f"no answer from {url} ({one_line(str(error))})"
        if reply.ok:
            return None
        fault = f"the receiver answered {reply.status_code}: {one_line(reply.text)}"
        if reply.status_code != requests.codes.unavailable:
            return fault
        time.sleep(_PAUSE_SECONDS)
    return fault


def decisions(recording: list[Recorded], config: ReceiverConfig) -> Iterator[str]:
    """What would be decided about the deliveries, a line for each action; nothing is touched.

    It begins without history, by the recording's own times, and takes each action as done at once
    and of no use.
    """
    clock = _Clock()
    with _blank_core(config, clock) as core, closing(WorkQueue(core.writer)) as queue:
        for recorded in recording:
            clock.now = max(clock.now, recorded.at())
            delivery = Delivery(webhook=recorded.webhook, at=clock.now)
            with core.writer.begin() as connection:
                receipt = accept(core, queue, connection, [delivery])
            for decision in receipt.decisions:
                _finish(core, decision)
                yield f"{recorded.place}: {_sentence(decision)}"


@dataclass
class _Clock:
    now: datetime = _LONG_AGO

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def _blank_core(config: ReceiverConfig, clock: _Clock) -> Iterator[Core]:
    with tempfile.TemporaryDirectory(prefix="featurewatch-") as folder:
        url = f"sqlite:///{folder}/replay.db"
        migrate(url)
        receiver = config.receiver.model_copy(update={"database": url})
        blank = config.model_copy(update={"receiver": receiver})
        with closing(open_core(blank, Tokens(blank), clock)) as core:
            yield core


def _finish(core: Core, decision: Decision) -> None:
    if decision.skip:
        return
    step = Step(at=core.now(), actor="replay", state=State.INEFFECTIVE)
    with core.writer.begin() as connection:
        remediations.enter(connection, decision.id, step, acted_at=core.now())


def _sentence(decision: Decision) -> str:
    verdict = f"skipped, {decision.skip}" if decision.skip else "due"
    target = decision.target or "no target"
    return f"{decision.alertname}: {decision.action} on {target}: {verdict}"
