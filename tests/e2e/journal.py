"""What arrived at people's mailboxes, channels and pagers, and at the receiver's webhook."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from featurewatch_kit.demo.stand_ins import Answer, StandIn


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notification that reached one recipient."""

    #: Unix time of arrival.
    at: float
    channel: str
    to: str
    firing: bool
    alert: str
    extractor: str
    #: "" where the message names none; of an end, the highest that was told.
    level: str

    @property
    def address(self) -> tuple[str, str]:
        """Channel and recipient."""
        return self.channel, self.to


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One alert of one webhook call."""

    at: float
    status: str
    labels: dict[str, str]
    #: Unix time.
    starts_at: float


class WebhookCollector(StandIn):
    """Stands where the receiver does and keeps what Alertmanager sends there."""

    channel = "webhook"
    path = "/api/v1/webhook/alertmanager"

    def answer(self, body: bytes) -> Answer:
        """Accept everything."""
        self.accept(json.loads(body))
        return Answer(status=202, body={})


class Journal:
    """Everything that arrived, in its order; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self._deliveries: list[Delivery] = []

    def add(self, channel: str, message: Any) -> None:
        """Keep one message; stand-ins and mailbox call this."""
        at = time.time()
        with self._lock:
            if channel == WebhookCollector.channel:
                self._deliveries += [_delivery(at, alert) for alert in message["alerts"]]
            else:
                self._notices.append(READERS[channel](at, message))

    def people(self, extractor: str) -> list[Notice]:
        """What people were told about one extractor."""
        with self._lock:
            return [notice for notice in self._notices if notice.extractor == extractor]

    def everything(self) -> list[Notice]:
        """What people were told of anything."""
        with self._lock:
            return list(self._notices)

    def firing(self, extractor: str) -> list[Notice]:
        """The beginnings among it."""
        return [notice for notice in self.people(extractor) if notice.firing]

    def ended(self, extractor: str) -> bool:
        """Whether people were told of something, and each address last of its end."""
        last = {notice.address: notice for notice in self.people(extractor)}
        return bool(last) and not any(notice.firing for notice in last.values())

    def ends(self, extractor: str) -> Counter[tuple[tuple[str, str], str]]:
        """How often each recipient was told of the end of each alert."""
        return Counter((n.address, n.alert) for n in self.people(extractor) if not n.firing)

    def deliveries(self, extractor: str) -> list[Delivery]:
        """What the receiver was sent about one extractor."""
        with self._lock:
            return [d for d in self._deliveries if d.labels.get("extractor") == extractor]

    def began(self, extractor: str, alert: str, level: str = "1") -> float:
        """When a level of an alert began by Prometheus's clock."""
        return min(
            d.starts_at
            for d in self.deliveries(extractor)
            if d.labels["alertname"] == alert and d.labels.get("escalation_level") == level
        )


def _delivery(at: float, alert: dict[str, Any]) -> Delivery:
    starts_at = datetime.fromisoformat(alert["startsAt"]).timestamp()
    return Delivery(at=at, status=alert["status"], labels=alert["labels"], starts_at=starts_at)


def _title(text: str) -> tuple[bool, str]:
    found = re.search(r"\[(\w+)\] (\w+):", " ".join(text.split()))
    return (found[1] != "RESOLVED", found[2]) if found else (True, text)


def _email(at: float, message: EmailMessage) -> Notice:
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    facts = dict(re.findall(r"^ *(Extractor|Level): +([^\s,]+)", text, re.MULTILINE))
    firing, alert = _title(str(message["Subject"]))
    return Notice(
        at=at,
        channel="email",
        to=str(message["To"]),
        firing=firing,
        alert=alert,
        extractor=facts.get("Extractor", ""),
        level=facts.get("Level", ""),
    )


def _slack(at: float, message: dict[str, Any]) -> Notice:
    attachment = message["attachments"][0]
    facts = {f["title"]: f["value"] for f in attachment["fields"]}
    firing, alert = _title(attachment["title"])
    return Notice(
        at=at,
        channel="slack",
        to=message["channel"],
        firing=firing,
        alert=alert,
        extractor=facts.get("Extractor", ""),
        level=facts["Escalation level"],
    )


def _pagerduty(at: float, event: dict[str, Any]) -> Notice:
    payload = event["payload"]
    return Notice(
        at=at,
        channel="pagerduty",
        to=event["routing_key"].rstrip("-"),
        firing=event["event_action"] == "trigger",
        alert=_title(payload["summary"])[1],
        extractor=payload["component"],
        # Later Alertmanagers send it as a number.
        level=str(payload["custom_details"]["escalation_level"]),
    )


READERS: dict[str, Callable[[float, Any], Notice]] = {
    "email": _email,
    "slack": _slack,
    "pagerduty": _pagerduty,
}
