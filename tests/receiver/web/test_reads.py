"""Filters, pages and details of the API."""

import itertools
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from featurewatch_receiver.history.audit import Deed, record
from featurewatch_receiver.store import schema
from receiver.api import Api
from receiver.in_process import Receiver
from receiver.payloads import T0, Json, alert, at
from receiver.people import VIEWER

LATENCY = "FeatureExtractionLatencyCritical"
CACHE = "FeatureExtractionCacheHitRateLow"
NOW = T0 + timedelta(hours=1)


def row(number: int, started_at: datetime = T0, **values: Any) -> Json:
    """Return an episode as it is stored."""
    episode = {
        "id": f"{number:06}",
        "identity": uuid.uuid4().hex,
        "alertname": CACHE,
        "extractor": "feature_extractor",
        "severity": "medium",
        "labels": {"alertname": CACHE},
        "annotations": {},
        "escalation_level": 1,
        "started_at": started_at,
        "resolved_at": None,
    }
    return episode | values


def store(receiver: Receiver, table: Any, *rows: Json) -> None:
    """Insert rows; each has every column that one of them has."""
    names = {name for each in rows for name in each}
    full = [dict.fromkeys(names) | each for each in rows]
    with receiver.core.writer.begin() as connection:
        connection.execute(insert(table), full)


def ids(answer: Json, key: str = "episodes") -> list[str]:
    return [found["id"] for found in answer[key]]


def pages(api: Api, path: str, key: str, **query: Any) -> list[list[str]]:
    """Ids of every page, one after the other."""
    found, cursor = [], {}
    for _ in range(1000):
        answer = api.read(path, **query, **cursor)
        found.append([each["id"] for each in answer[key]])
        if answer["next"] is None:
            return found
        cursor = {"cursor": answer["next"]}
    raise AssertionError("the pages do not end")


# --- filters


def test_episodes_are_filtered_by_what_they_are(receiver: Receiver) -> None:
    store(
        receiver,
        schema.episodes,
        row(1),
        row(2, resolved_at=at(50)),
        row(3, acknowledged_at=at(5), acknowledged_by="ada", acknowledged_reason="mine"),
        row(4, silenced_at=at(5), silenced_by="bob", severity="critical"),
        row(5, alertname=LATENCY, extractor="other", labels={"team": "größe 100%_"}),
        row(6, annotations={"summary": "Disk \\ full"}, severity=None, extractor=None),
    )
    api = Api(receiver, "vic")
    expected = {
        "": [6, 5, 4, 3, 2, 1],
        "status=resolved": [2],
        "status=acknowledged&status=silenced": [4, 3],
        "status=active": [6, 5, 1],
        "severity=critical": [4],
        "severity=critical&severity=medium": [5, 4, 3, 2, 1],
        "extractor=other": [5],
        f"alertname={CACHE}": [6, 4, 3, 2, 1],
        f"alertname={LATENCY}&status=resolved": [],
        "search=latency": [5],
        "search=OTHER": [5],
        "search=gr%C3%B6%C3%9Fe": [5],
        "search=0%25_": [5],
        "search=%25": [5],
        "search=disk+%5C": [6],
        "search=nowhere": [],
        "search=": [6, 5, 4, 3, 2, 1],
    }
    found = {query: ids(api.read(f"/episodes?{query}")) for query in expected}
    assert found == {q: [f"{n:06}" for n in numbers] for q, numbers in expected.items()}


def test_only_what_fires_is_an_alert(receiver: Receiver) -> None:
    receiver.deliver(
        alert(auto_resolve="false", end=at(5)), alert(CACHE), alert("Other", end=at(5))
    )
    answer = Api(receiver, "vic").read("/alerts")
    assert [(a["alertname"], a["status"]) for a in answer["alerts"]] == [(CACHE, "active")]
    (remediation,) = answer["alerts"][0]["remediations"]
    assert (remediation["action"], remediation["state"]) == ("clear_cache", "planned")


def test_the_next_level_has_a_time_until_somebody_takes_the_alert(
    make_receiver: Any, settings: Json
) -> None:
    settings["alerts"][LATENCY]["levels"] = ["0s", "5m", "15m"]
    receiver = make_receiver()
    api = Api(receiver)

    def due() -> str | None:
        (found,) = api.read("/alerts")["alerts"]
        when: str | None = found["next_level_at"]
        return when

    receiver.deliver(alert())
    assert due() == "2026-01-02T03:05:00.000Z"
    receiver.deliver(alert(level=2, start=at(5)))
    assert due() == "2026-01-02T03:15:00.000Z"
    with receiver.core.writer.begin() as connection:
        connection.execute(update(schema.episodes).values(acknowledged_at=at(6)))
    assert due() is None
    with receiver.core.writer.begin() as connection:
        connection.execute(update(schema.episodes).values(acknowledged_at=None))
    receiver.deliver(alert(level=3, start=at(15)))
    assert due() is None


def test_history_is_that_of_the_hours(receiver: Receiver) -> None:
    store(
        receiver,
        schema.episodes,
        row(1, T0 - timedelta(hours=9), resolved_at=NOW - timedelta(hours=2)),
        row(2, T0 - timedelta(hours=9), resolved_at=NOW - timedelta(hours=2, seconds=1)),
        row(3, T0 - timedelta(hours=9)),
    )
    api = Api(receiver)
    assert ids(api.read("/episodes", hours=2)) == ["000003", "000001"]
    assert ids(api.read("/episodes", hours=3)) == ["000003", "000002", "000001"]


def remediation(number: int, **values: Any) -> Json:
    return {
        "id": f"{number}",
        "action": "clear_cache",
        "target": "feature_extractor",
        "origin": "alert",
        "queued": 1,
        "state": "done",
        "created_at": T0,
    } | values


def test_remediations_are_filtered(receiver: Receiver) -> None:
    store(receiver, schema.episodes, row(1))
    store(
        receiver,
        schema.remediations,
        remediation(1, episode_id="000001"),
        remediation(2, state="skipped", reason="cooldown", created_at=at(1)),
        remediation(3, action="restart_deployment", target="other", created_at=at(2)),
        remediation(4, origin="person", requested_by="ada", created_at=at(3)),
        remediation(5, created_at=T0 - timedelta(hours=2)),
    )
    expected = {
        "hours=2": [4, 3, 2, 1],
        "hours=3": [4, 3, 2, 1, 5],
        "state=skipped": [2],
        "state=skipped&state=done&hours=2": [4, 3, 2, 1],
        "action=restart_deployment": [3],
        "target=other": [3],
        "origin=person": [4],
        "episode=000001": [1],
        "episode=none": [],
    }
    api = Api(receiver, "vic")
    found = {q: ids(api.read(f"/remediations?{q}"), "remediations") for q in expected}
    assert found == {q: [str(n) for n in numbers] for q, numbers in expected.items()}


def test_notifications_are_filtered(receiver: Receiver) -> None:
    store(receiver, schema.episodes, row(1), row(2))
    told = {"level": 1, "status": "firing"}
    store(
        receiver,
        schema.notifications,
        told | {"id": 1, "episode_id": "000001", "receiver": "team", "at": at(1)},
        told | {"id": 2, "episode_id": "000002", "receiver": "page", "at": at(2)},
        told | {"id": 3, "episode_id": "000002", "receiver": "page", "at": at(3)},
        told
        | {"id": 4, "episode_id": "000001", "receiver": "team", "at": T0 - timedelta(hours=25)},
    )
    with receiver.core.writer.begin() as connection:
        ended = update(schema.notifications).where(schema.notifications.c.id == 3)
        connection.execute(ended.values(status="resolved"))
    api = Api(receiver, "vic")
    expected = {
        "": [3, 2, 1],
        "hours=30": [3, 2, 1, 4],
        "receiver=page": [3, 2],
        "status=resolved": [3],
        "episode=000001": [1],
    }
    found = {q: ids(api.read(f"/notifications?{q}"), "notifications") for q in expected}
    assert found == expected
    assert ids(api.read("/episodes/000001"), "notifications") == [4, 1][::-1]


def test_what_people_did_is_filtered(receiver: Receiver) -> None:
    for actor, act, subject in (
        ("ada", "approve", "a"),
        ("bob", "approve", "b"),
        ("bob", "deny", "a"),
    ):
        with receiver.core.writer.begin() as connection:
            deed = Deed(actor=actor, act=act, subject=subject, reason="why")
            record(connection, receiver.core, deed)
    api = Api(receiver, "vic")
    expected = {"": [3, 2, 1], "actor=bob": [3, 2], "act=approve": [2, 1], "subject=a": [3, 1]}
    found = {query: ids(api.read(f"/audit?{query}"), "deeds") for query in expected}
    assert found == expected


# --- details


def test_an_episode_is_found_by_its_id_and_by_its_fingerprint(receiver: Receiver) -> None:
    receiver.deliver(alert(CACHE, end=at(5)))
    receiver.deliver(alert(CACHE, start=at(10)))
    api = Api(receiver, "vic")
    newest, oldest = receiver.episodes()
    found = api.read(f"/alerts/{newest['alerts'][0]['fingerprint']}")
    assert found == api.read(f"/episodes/{newest['id']}")
    assert {name: found[name] for name in newest} == newest
    assert api.read(f"/episodes/{oldest['id']}")["status"] == "resolved"


def test_what_is_not_there_is_named(receiver: Receiver) -> None:
    api = Api(receiver)
    expected = {
        "/episodes/none": "episode: there is none with this id; see /api/v1/episodes",
        "/alerts/none": "fingerprint: no alert has it; see /api/v1/alerts",
        "/remediations/none": "remediation: there is none with this id; see /api/v1/remediations",
        "/remediations/a/b": "remediation: there is none with this id; see /api/v1/remediations",
        "/guards/none": "extractor: is none of targets; see /api/v1/guards",
        "/episodes/%00": "path: there is nothing here; see /api/v1/openapi.json",
    }
    found = {path: api.get(path) for path in expected}
    assert found == {path: (404, {"error": line}) for path, line in expected.items()}


HOSTILE = "<script>alert(1)</script> {{ 7*7 }} \"'; DROP TABLE episodes; -- %_\\"


def test_whatever_labels_hold_is_text(receiver: Receiver) -> None:
    receiver.deliver(alert(HOSTILE, extractor=HOSTILE, other=HOSTILE))
    api = Api(receiver)
    for query in ({"extractor": HOSTILE}, {"alertname": HOSTILE}, {"search": HOSTILE}):
        (found,) = api.read("/alerts", **query)["alerts"]
        assert found["labels"]["other"] == HOSTILE
    reply = receiver.client.get("/api/v1/alerts", headers=VIEWER)
    assert reply.content_type == "application/json"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


# --- what is asked for wrongly


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/episodes?hour=1", "hour: is unknown; known here: limit, cursor, status, severity, "),
        ("/me?x=1", "x: is unknown; known here: none"),
        ("/episodes?limit=0", "limit: is not a whole number from 1 to 1000; write ?limit=100"),
        ("/episodes?limit=1&limit=2", "limit: is not a whole number from 1 to 1000; write "),
        ("/episodes?status=gone", "status.0: is none of 'resolved', 'acknowledged', 'silenced' "),
        ("/episodes?severity=", "severity.0: is none of 'low', 'medium', 'high' or 'critical'"),
        ("/episodes?search=%00", "search: must hold no control characters; see /api/v1/open"),
        ("/leases?open=maybe", "open: must be true or false; see /api/v1/openapi.json"),
        ("/episodes?cursor=", "cursor: is none; send `next` of the page before"),
        ("/episodes?cursor=%FF", "cursor: is none; send `next` of the page before"),
        ("/episodes?cursor=W10", "cursor: is none; send `next` of the page before"),
        ("/audit?cursor=" + "W1tb" * 200, "cursor: is none; send `next` of the page before"),
    ],
)
def test_a_wrong_question_is_answered_with_one_line(
    receiver: Receiver, path: str, error: str
) -> None:
    status, answer = Api(receiver).get(path)
    assert status == 400
    assert list(answer) == ["error"]
    assert answer["error"].startswith(error)
    assert "\n" not in answer["error"]


def test_a_cursor_of_another_list_is_refused(receiver: Receiver) -> None:
    store(receiver, schema.episodes, row(1), row(2))
    api = Api(receiver)
    cursor = api.read("/episodes", limit=1)["next"]
    assert api.get("/audit", cursor=cursor)[0] == 400


# --- pages


MINUTES = st.lists(st.integers(0, 20), max_size=30)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(started=MINUTES, later=MINUTES, limit=st.integers(1, 7))
def test_pages_together_are_all_in_order_also_while_new_ones_come(
    receiver: Receiver, started: list[int], later: list[int], limit: int
) -> None:
    with receiver.core.writer.begin() as connection:
        connection.execute(delete(schema.episodes))
    rows = [row(number, at(minutes)) for number, minutes in enumerate(started)]
    new = [row(1000 + number, at(30 + minutes)) for number, minutes in enumerate(later)]
    if rows:
        store(receiver, schema.episodes, *rows)
    coming = iter(new)
    api, cursor, found = Api(receiver, "vic"), {}, []
    while True:
        answer = api.read("/episodes", limit=limit, **cursor)
        found += ids(answer)
        if batch := list(itertools.islice(coming, 2)):
            store(receiver, schema.episodes, *batch)
        if answer["next"] is None:
            break
        assert len(answer["episodes"]) == limit
        cursor = {"cursor": answer["next"]}
    wanted = sorted(rows, key=lambda e: (e["started_at"], e["id"]), reverse=True)
    assert found == [each["id"] for each in wanted]


def test_every_page_is_of_the_hours_of_the_first(receiver: Receiver) -> None:
    ended = NOW - timedelta(minutes=59)
    store(receiver, schema.episodes, *(row(n, resolved_at=ended) for n in range(3)))
    api = Api(receiver)
    first = api.read("/episodes", hours=1, limit=2)
    receiver.clock.now += timedelta(minutes=5)
    second = api.read("/episodes", hours=1, limit=2, cursor=first["next"])
    assert ids(first) + ids(second) == ["000002", "000001", "000000"]
    assert ids(api.read("/episodes", hours=1)) == []


@pytest.mark.parametrize(
    ("path", "key", "table", "make"),
    [
        (
            "/remediations",
            "remediations",
            schema.remediations,
            lambda n: remediation(n, created_at=at(n % 3)),
        ),
        (
            "/audit",
            "deeds",
            schema.audit,
            lambda n: {
                "id": n,
                "at": at(n % 3),
                "actor": "ada",
                "act": "approve",
                "subject": "x",
                "reason": "y",
            },
        ),
        (
            "/leases",
            "leases",
            schema.leases,
            lambda n: {
                "id": f"{n}",
                "target": f"t{n}",
                "action": "a",
                "changed_to": {},
                "back_to": {},
                "created_at": at(n % 3),
                "steps": 0,
            },
        ),
    ],
)
def test_every_list_has_pages(
    receiver: Receiver, path: str, key: str, table: Any, make: Any
) -> None:
    store(receiver, table, *(make(n) for n in range(1, 9)))
    found = pages(Api(receiver), path, key, limit=3)
    assert [len(page) for page in found] == [3, 3, 2]
    assert [int(row_id) for page in found for row_id in page] == [8, 5, 2, 7, 4, 1, 6, 3]
