"""Other places to look: Prometheus, Alertmanager, Grafana; and when the first two last answered."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from flask import request, url_for
from sqlalchemy import Connection

from featurewatch_receiver.clients.prometheus import expression, literal
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.core import Core
from featurewatch_receiver.history import servers
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR, about
from featurewatch_receiver.reconciliation.reconcile import LOOK_SECONDS

#: Nobody has asked any more: three looks were missed.
SILENT = timedelta(seconds=4 * LOOK_SECONDS)
_WEB = re.compile(r"https?://\S+")


@dataclass(frozen=True, kw_only=True)
class Away:
    """A server that does not answer."""

    name: str
    #: When it last did; None: never.
    heard_at: datetime | None
    problem: str


def away(core: Core, connection: Connection) -> list[Away]:
    """Which servers are away; what is shown of them is as old as their last answer."""
    receiver, known, now = core.config.receiver, servers.read(connection), core.now()
    urls = {
        servers.ALERTMANAGER: receiver.alertmanager_url,
        # It is asked in the same round.
        servers.PROMETHEUS: receiver.prometheus_url if receiver.alertmanager_url else None,
    }
    # A round ends at the first server that is away, so the other one's silence says nothing.
    asked_at = max((last.asked_at for last in known.values()), default=now)
    found = []
    for name, url in urls.items():
        last = known.get(name)
        if url is None or last is None:
            continue
        problem = last.problem
        if problem is None and now - asked_at > SILENT:
            problem = "no receiver has asked it since; does a worker run?"
        if problem:
            found.append(Away(name=name.capitalize(), heard_at=last.heard_at, problem=problem))
    return found


def links(config: ReceiverConfig, episode: dict[str, Any]) -> dict[str, str]:
    """Name and address of each place that shows more of an episode."""
    notes, servers = episode["annotations"], config.links
    found = {"Grafana": notes.get("dashboard_url", ""), "Runbook": notes.get("runbook_url", "")}
    if prometheus := servers.prometheus:
        found["Prometheus"] = prometheus.rstrip("/") + _graph(config, episode)
    if alertmanager := servers.alertmanager:
        found["Alertmanager"] = alertmanager.rstrip("/") + _listed(episode)
    # Annotations are anybody's: an address of another kind could be a script.
    return {label: url for label, url in found.items() if _WEB.fullmatch(url)}


def _graph(config: ReceiverConfig, episode: dict[str, Any]) -> str:
    name, extractor = episode["alertname"], episode["extractor"] or ""
    alert = config.alerts.get(name)
    checks = list(alert.checks.values()) if alert else []
    texts = [
        expression(text, extractor, episode["labels"], alert.window if alert else "")
        for check in checks
        for text in (check.value, check.threshold)
    ] or [f"ALERTS{{alertname={literal(name)}}}"]
    panels = (
        f"g{n}.expr={quote(text, safe='')}&g{n}.tab=0&g{n}.range_input=2h"
        for n, text in enumerate(texts)
    )
    return "/graph?" + "&".join(panels)


def _listed(episode: dict[str, Any]) -> str:
    named = {name: episode[name] for name in (ALERTNAME, EXTRACTOR) if episode[name]}
    wanted = named | about(episode["labels"])
    matchers = ",".join(f"{label}={literal(value)}" for label, value in wanted.items())
    return f"/#/alerts?silenced=true&inhibited=true&filter={quote(f'{{{matchers}}}', safe='')}"


def address(page: str, values: Any) -> str:
    """Where a page is."""
    return url_for(f"console.{page}", **values)


def kept() -> dict[str, list[str]]:
    """What a list is asked with, without which part of it."""
    every = request.args.to_dict(flat=False)
    return {name: words for name, words in every.items() if name != "cursor"}


def page_address(page: str, cursor: str | None) -> str:
    """Where another part of this list is."""
    return address(page, kept() | {"cursor": cursor})


def own_path(to: str) -> str:
    """Where to go after signing in: never to another site."""
    parts = urlsplit(to.replace("\\", "/"))
    ours = to.startswith("/") and not to.startswith("//") and not (parts.scheme or parts.netloc)
    return to if ours and to.isprintable() else address("overview", {})
