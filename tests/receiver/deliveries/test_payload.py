"""Deliveries that nobody thought of, and deliveries in any order."""

import json
from datetime import datetime
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from featurewatch_receiver.deliveries.episodes import MOST_CHARACTERS, MOST_OF_LABELS
from featurewatch_receiver.store.schema import alerts, episodes
from receiver.in_process import Receiver
from receiver.payloads import Json, alert, at, payload

runs = count()
often = settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

any_text = st.text(max_size=20)
any_label = st.sampled_from(["extractor", "severity", "kind", "escalation_level"])
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A delivery in which some values were replaced by anything."""
    moments = st.datetimes().map(lambda m: m.isoformat() + draw(st.sampled_from(["Z", "+14:00"])))
    item = alert(**draw(st.dictionaries(any_label, any_text, max_size=2)))
    item |= draw(st.dictionaries(st.sampled_from(sorted(item)), any_json | moments, max_size=2))
    body = payload(item, alert())
    body |= draw(st.dictionaries(st.sampled_from(sorted(body)), any_json, max_size=1))
    text = json.dumps(body)
    return text.encode()[: draw(st.sampled_from([None, None, None, len(text) // 2]))]


def nested(depth: int) -> bytes:
    """A delivery that is as deep as that in one of its places."""
    body = json.dumps(payload(alert() | {"annotations": "HERE"}))
    return body.replace('"HERE"', '{"a":' * depth + "1" + "}" * depth).encode()


@often
@given(
    damaged()
    | st.binary(max_size=50)
    | any_json.map(lambda value: json.dumps(value).encode())
    | st.integers(1, 100_000).map(nested)
)
def test_no_payload_breaks_the_receiver(receiver: Receiver, body: bytes) -> None:
    reply = receiver.post(body)
    assert reply.status_code in (200, 400)
    assert set(reply.json) <= {"accepted", "error"}
    assert "\n" not in reply.json.get("error", "")


def test_no_more_of_an_alerts_annotations_is_kept_than_a_page_can_bear(receiver: Receiver) -> None:
    big = {f"note{number}": "x" * 3_000 for number in range(100)}
    notes = big | {"a": "y" * 1_000_000, "summary": "s" * 9_000}
    receiver.deliver(alert() | {"annotations": notes})
    [episode] = receiver.episodes()
    kept = episode["annotations"]
    assert kept["summary"] == "s" * (MOST_CHARACTERS // 4 - 1) + "…"
    assert kept["a"] == "y" * (MOST_CHARACTERS // 4 - 1) + "…"
    size = sum(len(name) + len(text) for name, text in kept.items())
    assert MOST_CHARACTERS - 3_010 < size <= MOST_CHARACTERS


def test_no_more_of_an_alerts_labels_is_kept_and_they_stay_apart(receiver: Receiver) -> None:
    """What they differ in may be cut off: they are two alerts all the same."""
    many = {f"a{number}": "x" * 3_000 for number in range(100)}
    for last in "yz":
        receiver.deliver(alert(**many, zone="x" * 100_000 + last))
    episodes = receiver.episodes()
    assert len(episodes) == 2
    for episode in episodes:
        size = sum(len(name) + len(text) for name, text in episode["labels"].items())
        assert size <= MOST_OF_LABELS
        assert episode["labels"]["extractor"] == "feature_extractor"
    receiver.deliver(alert(**many, zone="x" * 100_000 + "z", end=at(5)))
    assert [e["resolved_at"] is None for e in receiver.episodes()].count(True) == 1


def test_more_truncated_alerts_than_anybody_can_count_are_refused(receiver: Receiver) -> None:
    text = json.dumps(payload(alert()) | {"truncatedAlerts": 1}).replace(
        '"truncatedAlerts": 1', '"truncatedAlerts": 1' + "0" * 400
    )
    reply = receiver.post(text.encode())
    assert reply.status_code == 400
    assert reply.json["error"].startswith("truncatedAlerts: ")


@often
@given(st.lists(st.dictionaries(any_text, any_text, max_size=4), min_size=1, max_size=5))
def test_what_a_valid_sender_says_is_stored_whatever_its_labels_hold(
    receiver: Receiver, labels: list[dict[str, str]]
) -> None:
    run = next(runs)
    items = [
        alert() | {"labels": own | {"alertname": "X", "run": f"{run} {number}"}}
        for number, own in enumerate(labels)
    ]
    before = receiver.metric("featurewatch_receiver_open_episodes")
    receiver.deliver(*items)
    assert receiver.metric("featurewatch_receiver_open_episodes") == before + len(items)


# --- order


@st.composite
def incident(draw: st.DrawFn) -> list[tuple[int, float, float]]:
    """The levels of one alert: number, minutes of begin and end; 99 is not yet."""
    begins = sorted(draw(st.sets(st.integers(0, 20), min_size=1, max_size=3)))
    ends = st.integers(21, 50) | st.just(99)
    return [(level, begin, draw(ends)) for level, begin in enumerate(begins, 1)]


def snapshot(levels: list[tuple[int, float, float]], minute: float, name: str) -> list[Json]:
    """The whole group as Alertmanager has it at that minute."""
    return [
        alert(level=level, start=at(begin), end=at(end) if end <= minute else None, extractor=name)
        for level, begin, end in levels
        if begin <= minute
    ]


def history(receiver: Receiver, name: str) -> list[Any]:
    """The episodes of one extractor: level, begin, end, words, and what its levels did."""
    facts = (episodes.c.escalation_level, episodes.c.started_at, episodes.c.resolved_at)
    mine = episodes.c.extractor == name
    levels = select(alerts.c.level, alerts.c.starts_at, alerts.c.ends_at).order_by(alerts.c.level)
    with receiver.core.reader.begin() as connection:
        rows = connection.execute(select(episodes.c.id, episodes.c.annotations, *facts).where(mine))
        return [
            (*row[1:], connection.execute(levels.where(alerts.c.episode_id == row.id)).all())
            for row in rows.all()
        ]


@settings(often, max_examples=60)
@given(incident(), st.lists(st.integers(0, 60), min_size=2, max_size=6), st.data())
def test_an_incident_told_in_any_order_and_number_is_the_same_history(
    receiver: Receiver,
    levels: list[tuple[int, float, float]],
    minutes: list[int],
    data: st.DataObject,
) -> None:
    in_order, shuffled = (f"{next(runs)} {kind}" for kind in ("in order", "shuffled"))
    receiver.clock.now = at(100)
    minutes = [*minutes, 60]
    for minute in sorted(minutes):
        receiver.deliver(*snapshot(levels, minute, in_order))
    for minute in data.draw(st.permutations(minutes * 2)):
        receiver.deliver(*snapshot(levels, minute, shuffled))
    assert history(receiver, shuffled) == history(receiver, in_order)
    assert len(history(receiver, in_order)) == 1


@settings(often, max_examples=60)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.booleans(), st.data())
def test_whatever_came_before_the_latest_delivery_says_whether_it_fires(
    receiver: Receiver, lengths: list[int], fires: bool, data: st.DataObject
) -> None:
    """Several incidents, told in any order; the newest is told last, as repeats see to it."""
    name = str(next(runs))
    receiver.clock.now = at(1000)
    told: list[tuple[datetime, datetime | None]] = []
    begin = 0
    for length in lengths:
        told += [(at(begin), None), (at(begin), at(begin + length))]
        begin += length + 5
    mixed = data.draw(st.permutations(told * 2))
    for start, end in [*mixed, (at(begin), None if fires else at(begin + 9))]:
        receiver.deliver(alert(start=start, end=end, extractor=name))
    opened = [started for _, _, started, end, _ in history(receiver, name) if end is None]
    assert opened == ([at(begin)] if fires else [])
