"""Ways to tell people that don't lead through Alertmanager: webhook, Slack, PagerDuty, mail."""

import smtplib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from featurewatch_receiver import logs
from featurewatch_receiver.clients import bounded
from featurewatch_receiver.clients.client import cause_of
from featurewatch_receiver.config.notification_settings import Mail
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.errors import TellError
from featurewatch_receiver.logs import one_line

# For the connection, and for the whole answer.
TIMEOUT_SECONDS = 10.0
_MAX_ANSWER_BYTES = 1024 * 1024
_TAKEN = range(200, 300)


@dataclass(frozen=True, kw_only=True)
class News:
    """That a heartbeat is missing, or is there again."""

    missing: bool
    #: The receiver that says so.
    source: str
    #: When the heartbeat last arrived; None: never.
    heard_at: datetime | None
    at: datetime

    @property
    def subject(self) -> str:
        """One line for people."""
        if self.missing:
            return f"[CRITICAL] Watchdog missing: {self.source} hears nothing"
        return f"[RESOLVED] Watchdog back: {self.source} hears it again"

    @property
    def text(self) -> str:
        """The rest."""
        if not self.missing:
            return "The Watchdog arrives again: Prometheus, Alertmanager and the receiver work."
        last = f"{self.heard_at:%Y-%m-%d %H:%M:%S} UTC" if self.heard_at else "never"
        return (
            f"The Watchdog alert last arrived: {last}. It fires always; so Prometheus, Alertmanager"
            " or the way to the receiver is down, and nobody is told of any other alert."
        )


Tell = Callable[[News], None]


def ways(config: ReceiverConfig) -> dict[str, Tell]:
    """Every configured way by its name; each raises TellError. The log is always one."""
    to = config.watchdog.tell
    found: dict[str, Tell] = {"log": _log}
    if file := to.webhook_url_file:
        found["webhook"] = lambda news, file=file: _webhook(file, news)  # type: ignore[misc]
    if file := to.slack_api_url_file:
        found["slack"] = lambda news, file=file: _slack(file, news)  # type: ignore[misc]
    if file := to.pagerduty_routing_key_file:
        found["pagerduty"] = lambda news, file=file: _pagerduty(file, to.pagerduty_url, news)  # type: ignore[misc]
    if mail := to.email:
        found["email"] = lambda news: _email(mail, news)
    return found


def unusable(config: ReceiverConfig) -> Iterator[tuple[str, TellError]]:
    """The ways whose file can't be read."""
    to = config.watchdog.tell
    files = {
        "webhook": to.webhook_url_file,
        "slack": to.slack_api_url_file,
        "pagerduty": to.pagerduty_routing_key_file,
        "email": to.email.password_file if to.email else None,
    }
    for name, file in files.items():
        try:
            _ = _secret(file) if file else None
        except TellError as error:
            yield name, error


def _log(news: News) -> None:
    if news.missing:
        logs.trouble("watchdog missing", heard_at=news.heard_at)
    else:
        logs.event("watchdog back", heard_at=news.heard_at)


def _webhook(file: str, news: News) -> None:
    body = {
        "event": "watchdog_missing" if news.missing else "watchdog_back",
        "status": "firing" if news.missing else "resolved",
        "source": news.source,
        "at": news.at.isoformat(),
        "heard_at": news.heard_at.isoformat() if news.heard_at else None,
        "summary": news.subject,
        "description": news.text,
    }
    _post(_secret(file), body)


def _slack(file: str, news: News) -> None:
    mark = "🔴" if news.missing else "✅"
    _post(_secret(file), {"text": f"{mark} *{news.subject}*\n{news.text}"})


def _pagerduty(file: str, url: str, news: News) -> None:
    event: dict[str, Any] = {
        "routing_key": _secret(file),
        "event_action": "trigger" if news.missing else "resolve",
        # One incident for each receiver, however often it is told.
        "dedup_key": f"featurewatch-watchdog {news.source}",
    }
    if news.missing:
        event["payload"] = {
            "summary": news.subject,
            "source": news.source,
            "severity": "critical",
            "custom_details": {"description": news.text},
        }
    _post(url, event)


def _email(mail: Mail, news: News) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.from_, mail.to, news.subject
    message.set_content(news.text)
    host, _, port = mail.smarthost.rpartition(":")
    try:
        with smtplib.SMTP(host, int(port), timeout=TIMEOUT_SECONDS) as server:
            if mail.require_tls:
                server.starttls()
            if mail.username and mail.password_file:
                server.login(mail.username, _secret(mail.password_file))
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise TellError(
            f"the mail server {mail.smarthost} did not take it: {_cause(error)}"
        ) from error


def _post(url: str, body: dict[str, Any]) -> None:
    """Send JSON. The URL may be a secret, so no message names it."""
    bounds: dict[str, Any] = {"timeout": TIMEOUT_SECONDS, "stream": True}
    end = time.monotonic() + TIMEOUT_SECONDS
    try:
        with bounded.session() as way:
            answer = way.post(url, json=body, allow_redirects=False, **bounds)
            told = bounded.body_of(answer.raw, end, _MAX_ANSWER_BYTES)
    except bounded.TooLongError:
        told = b"a long answer"
    except (requests.RequestException, HTTPError, TimeoutError, ValueError) as error:
        cause = cause_of(error, TIMEOUT_SECONDS)
        raise TellError(_without(url, f"the URL can't be reached ({cause})")) from None
    if answer.status_code not in _TAKEN:
        said = one_line(told.decode("utf-8", "replace"))
        raise TellError(_without(url, f"the URL answered {answer.status_code}: {said}"))


def _without(url: str, text: str) -> str:
    for secret in (url, urlsplit(url).path.strip("/")):
        text = text.replace(secret, "...") if secret else text
    return text


def _cause(error: Exception) -> str:
    return one_line(str(getattr(error, "strerror", None) or error))


def _secret(file: str) -> str:
    """Read anew each time, so that a new one needs no restart."""
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TellError(f"{file}: can't be read ({_cause(error)})") from error
    if not text:
        raise TellError(f"{file}: is empty; write the URL or key into it")
    return text
