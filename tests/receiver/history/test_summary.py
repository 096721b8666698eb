"""How many, how soon taken, how soon over: from the database, and counted once."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from featurewatch_receiver.history.summary import summary
from featurewatch_receiver.store.schema import episodes, notifications
from receiver.in_process import Receiver
from receiver.payloads import alert, at

RESOLVED = "featurewatch_receiver_time_to_resolve_seconds"


def test_episodes_are_counted_by_severity_and_status(receiver: Receiver) -> None:
    receiver.clock.now = at(60)
    receiver.deliver(alert(extractor="a"), alert(extractor="b", severity="high"))
    receiver.deliver(alert(extractor="c"), alert(extractor="d"), alert(extractor="e"))
    receiver.deliver(alert(extractor="d", end=at(50)))
    set_times(receiver, "c", acknowledged_at=at(55))
    set_times(receiver, "e", silenced_at=at(55))
    assert summary(receiver.core, 24)["episodes"] == {
        "critical": {"active": 1, "acknowledged": 1, "resolved": 1, "silenced": 1},
        "high": {"active": 1},
    }


def test_times_are_means_over_what_happened_within_the_hours(receiver: Receiver) -> None:
    receiver.clock.now = at(240)
    for name, end in (("a", 10), ("b", 200), ("c", 230)):
        receiver.deliver(alert(extractor=name))
        receiver.deliver(alert(extractor=name, end=at(end)))
    set_times(receiver, "a", first_acknowledged_at=at(1))
    set_times(receiver, "b", first_acknowledged_at=at(190))
    found = summary(receiver.core, 1)
    assert found["hours"] == 1
    assert found["mttr_seconds"] == (200 + 230) / 2 * 60
    assert found["mtta_seconds"] == 190 * 60
    assert summary(receiver.core, 24)["mtta_seconds"] == (1 + 190) / 2 * 60


def test_without_any_there_is_no_mean(receiver: Receiver) -> None:
    found = summary(receiver.core, 24)
    assert (found["mtta_seconds"], found["mttr_seconds"]) == (None, None)
    assert (found["episodes"], found["notifications"]) == ({}, {})


def test_notifications_are_counted_by_receiver_and_status(receiver: Receiver) -> None:
    receiver.clock.now = at(240)
    receiver.deliver(alert())
    (episode,) = receiver.episodes()
    rows = [("a", "firing", 230), ("a", "firing", 235), ("a", "resolved", 239), ("a", "firing", 1)]
    with receiver.core.writer.begin() as connection:
        for name, status, minute in rows:
            row = {"episode_id": episode["id"], "level": 1, "at": at(minute)}
            connection.execute(
                insert(notifications).values(row | {"receiver": name, "status": status})
            )
    assert summary(receiver.core, 1)["notifications"] == {"a": {"firing": 2, "resolved": 1}}


@pytest.mark.parametrize(("severity", "label"), [("high", "high"), ("page", "other")])
def test_an_end_is_counted_once_however_often_it_is_delivered(
    receiver: Receiver, severity: str, label: str
) -> None:
    receiver.deliver(alert(severity=severity))
    for _ in range(3):
        receiver.deliver(alert(severity=severity, end=at(5)))
    assert receiver.metric(f'{RESOLVED}_count{{severity="{label}"}}') == 1
    assert receiver.metric(f'{RESOLVED}_sum{{severity="{label}"}}') == (
        timedelta(minutes=5).total_seconds()
    )


def set_times(receiver: Receiver, extractor: str, **times: object) -> None:
    with receiver.core.writer.begin() as connection:
        where = episodes.c.extractor == extractor
        connection.execute(update(episodes).where(where).values(**times))
