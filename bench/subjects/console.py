"""What the console's pages cost when much fires, over a long history.

Times are those of a browser on this machine, on one connection, without the drawing of the page.
Measured on SQLite, and on the empty PostgreSQL that BENCH_POSTGRESQL names, if it does
(postgresql+psycopg://user@127.0.0.1/name).
"""

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import requests
from sqlalchemy import create_engine, insert

from bench.figures import BenchError, Figure, at_most
from bench.intakes import start_ours
from bench.targets import HOST
from featurewatch_kit.demo.processes import Processes
from featurewatch_receiver.access.users import new_user
from featurewatch_receiver.labels import SEVERITIES
from featurewatch_receiver.states import Role
from featurewatch_receiver.store import schema
from featurewatch_receiver.store.migrate import migrate

POSTGRESQL = "BENCH_POSTGRESQL"
ENDED, FIRING, EXTRACTORS = 100_000, 500, 40
ROUNDS, CHUNK = 40, 5_000
#: The goals.
OVERVIEW_SECONDS, HISTORY_SECONDS, PAGE_BYTES = 0.150, 0.100, 300e3
_NAMES = ("FeatureExtractionLatencyHigh", "FeatureExtractionCacheHitRateLow")
_SEVERITIES = tuple(reversed(SEVERITIES))
_WORD = re.compile(r'name="form_word" value="([0-9a-f]+)"')
_DETAILS = re.compile(r"/episodes/[0-9a-f]+")
PAGES = {
    "overview": ("/", OVERVIEW_SECONDS),
    "history": ("/history", HISTORY_SECONDS),
    "history_filtered": ("/history?hours=720&severity=low&status=resolved", HISTORY_SECONDS),
    "history_searched": ("/history?hours=720&search=shard+1", None),
    "remediations": ("/remediations", None),
}


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Median time and size of each page, on each database."""
    yield from _pages(root, folder / "sqlite", None)
    if url := os.environ.get(POSTGRESQL):
        yield from _pages(root, folder / "postgresql", url)


def _pages(root: Path, place: Path, database: str | None) -> Iterator[Figure]:
    place.mkdir()
    url = database or f"sqlite:///{place}/receiver.db"
    migrate(url)
    _fill(url)
    token, entry = new_user("bench", Role.RESPONDER)
    (place / "users.yaml").write_text(f"users:\n{entry}\n", encoding="utf-8")

    def change(config: Any) -> None:
        config["receiver"]["database"] = url
        config["access"] = {"users_file": str(place / "users.yaml"), "proxy": None}

    with Processes(place / "logs") as processes, requests.Session() as browser:
        base = f"http://{HOST}:{start_ours(processes, root, place, change)}"
        _sign_in(browser, base, token)
        for name, (path, goal) in PAGES.items():
            yield from _page(browser, base + path, f"{place.name}.{name}", goal)
        details = _DETAILS.search(browser.get(f"{base}/history", timeout=30).text)
        address = f"{base}{details[0]}" if details else base
        yield from _page(browser, address, f"{place.name}.details", None)


def _page(browser: requests.Session, url: str, name: str, goal: float | None) -> Iterator[Figure]:
    case, times, size = f"console.{name}", [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = browser.get(url, timeout=30)
        times.append(time.perf_counter() - began)
        size = len(answer.content)
        if answer.status_code != requests.codes.ok or "/sign-in" in answer.url:
            raise BenchError(f"{url} answers {answer.status_code}")
    most = at_most(goal) if goal else None
    yield Figure(name=f"{case}.median", value=median(times), unit="s", goal=most)
    yield Figure(name=f"{case}.size", value=size, unit="bytes", goal=at_most(PAGE_BYTES))


def _sign_in(browser: requests.Session, base: str, token: str) -> None:
    word = _WORD.search(browser.get(f"{base}/sign-in", timeout=30).text)
    if not word:
        raise BenchError("the sign-in page has no form")
    browser.post(f"{base}/sign-in", data={"form_word": word[1], "token": token}, timeout=30)


def _fill(url: str) -> None:
    now, engine = datetime.now(UTC), create_engine(url)
    with engine.begin() as connection:
        for first in range(0, ENDED + FIRING, CHUNK):
            rows = [_episode(n, now) for n in range(first, min(first + CHUNK, ENDED + FIRING))]
            connection.execute(insert(schema.episodes), rows)
            connection.execute(insert(schema.alerts), [_alert(row) for row in rows])
            acted = [_remediation(row) for row in rows[::4]]
            connection.execute(insert(schema.remediations), acted)
    engine.dispose()


def _episode(number: int, now: datetime) -> dict[str, Any]:
    """The last ones fire; the others ended over thirty days, one every 26 seconds."""
    fires = number >= ENDED
    began = now - timedelta(seconds=number - ENDED if fires else 26 * (ENDED - number))
    began = min(began, now)
    name, extractor = _NAMES[number % 2], f"extractor_{number % EXTRACTORS}"
    severity = _SEVERITIES[number % 4]
    labels = {"alertname": name, "extractor": extractor, "severity": severity}
    return {
        "id": f"{number:016x}{secrets.token_hex(8)}",
        "identity": secrets.token_hex(32),
        "alertname": name,
        "extractor": extractor,
        "severity": severity,
        "labels": labels | {"category": "performance", "type": "latency", "shard": str(number)},
        "annotations": {
            "summary": f"95 % of extractions of {extractor} take longer than they should",
            "description": json.dumps(labels),
            "value": "231.4ms",
            "threshold": "100ms",
        },
        "escalation_level": 1,
        "started_at": began,
        "resolved_at": None if fires else began + timedelta(minutes=7),
    }


def _alert(episode: dict[str, Any]) -> dict[str, Any]:
    return {
        "episode_id": episode["id"],
        "fingerprint": episode["id"][:16],
        "level": 1,
        "starts_at": episode["started_at"],
        "ends_at": episode["resolved_at"],
    }


def _remediation(episode: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{episode['id']}:clear_cache:1",
        "episode_id": episode["id"],
        "action": "clear_cache",
        "target": episode["extractor"],
        "origin": "alert",
        "queued": 0,
        "state": "skipped",
        "reason": "cooldown",
        "created_at": episode["started_at"],
    }
