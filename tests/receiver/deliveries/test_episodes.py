"""Which deliveries belong to which episode, and what is decided for it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from waiting import eventually

from receiver.in_process import Receiver
from receiver.payloads import T0, Json, alert, at, payload
from receiver.target import Target

CACHE = "FeatureExtractionCacheHitRateLow"
NASTY = "'; DROP TABLE episodes; --\n\"<script>alert(1)</script>\\{{ x }}\0\N{FIRE}" + "x" * 4096


def resolved_at(receiver: Receiver) -> list[str | None]:
    """Ends of the episodes, newest first."""
    return [episode["resolved_at"] for episode in receiver.episodes()]


def decisions(receiver: Receiver) -> list[tuple[str, str, str | None]]:
    """Action, state and reason of the remediations, newest episode first."""
    return [(r["action"], r["state"], r["reason"]) for r in receiver.remediations()]


def test_the_levels_of_one_alert_are_one_episode_with_one_action(receiver: Receiver) -> None:
    receiver.deliver(alert())
    receiver.deliver(alert(level=2, start=at(5)))
    receiver.deliver(alert(), alert(level=2, start=at(5)), alert(level=3, start=at(15)))
    (episode,) = receiver.episodes()
    assert (episode["escalation_level"], episode["annotations"]["description"]) == (3, "level 3")
    assert [a["level"] for a in episode["alerts"]] == [1, 2, 3]
    assert "escalation_level" not in episode["labels"]
    assert decisions(receiver) == [("scale_up_deployment", "planned", None)]


@pytest.mark.parametrize(("level", "seen"), [("7", 7), ("", 1), ("²", 1), ("-1", 1), ("9999", 1)])
def test_a_level_that_is_no_number_counts_as_the_first(
    receiver: Receiver, level: str, seen: int
) -> None:
    receiver.deliver(alert(level=None, escalation_level=level))
    assert receiver.episodes()[0]["escalation_level"] == seen


def test_an_episode_ends_with_the_last_of_its_levels(receiver: Receiver) -> None:
    receiver.deliver(alert(), alert(level=2, start=at(5)))
    receiver.deliver(alert(end=at(8)), alert(level=2, start=at(5)))
    assert resolved_at(receiver) == [None]
    receiver.deliver(alert(level=2, start=at(5), end=at(9)))
    assert resolved_at(receiver) == ["2026-01-02T03:09:00.000Z"]


def test_a_beginning_that_nobody_knows_is_when_it_was_first_heard_of(receiver: Receiver) -> None:
    """Go's zero time: 2,025 years in the mean time to resolve, otherwise."""
    zero = {"startsAt": "0001-01-01T00:00:00Z"}
    receiver.clock.now = at(10)
    receiver.deliver(alert() | zero)
    receiver.clock.now = at(20)
    receiver.deliver(alert() | zero)
    receiver.deliver(alert(end=at(15)) | zero)
    (episode,) = receiver.episodes()
    assert episode["started_at"] == "2026-01-02T03:10:00.000Z"
    assert episode["resolved_at"] == "2026-01-02T03:15:00.000Z"
    took = 'featurewatch_receiver_time_to_resolve_seconds_sum{severity="critical"}'
    assert receiver.metric(took) == 300


def test_a_new_firing_is_a_new_episode(receiver: Receiver) -> None:
    receiver.deliver(alert())
    receiver.deliver(alert(end=at(5)))
    receiver.deliver(alert(start=at(5.5)))
    assert resolved_at(receiver) == [None, "2026-01-02T03:05:00.000Z"]


def test_repeats_and_copies_change_nothing(receiver: Receiver) -> None:
    group = [alert(), alert(CACHE, end=at(3))]
    for _ in range(3):
        receiver.deliver(*group)
    first = receiver.episodes()
    receiver.deliver(*group)
    assert receiver.episodes() == first
    assert len(first) == 2


def test_a_firing_alert_that_comes_after_its_own_end_is_stale(receiver: Receiver) -> None:
    receiver.deliver(alert())
    receiver.deliver(alert(end=at(5)))
    receiver.deliver(alert())
    receiver.deliver(alert(level=2, start=at(4)))
    assert resolved_at(receiver) == ["2026-01-02T03:05:00.000Z"]
    assert [a["level"] for a in receiver.episodes()[0]["alerts"]] == [1]


def test_a_level_that_ended_is_not_revived_by_an_old_delivery(receiver: Receiver) -> None:
    receiver.deliver(alert(), alert(level=2, start=at(5)))
    receiver.deliver(alert(end=at(6)))
    receiver.deliver(alert())
    ends = [a["ends_at"] for a in receiver.episodes()[0]["alerts"]]
    assert ends == ["2026-01-02T03:06:00.000Z", None]


def test_the_end_of_an_alert_never_heard_of_is_recorded_and_runs_nothing(
    receiver: Receiver,
) -> None:
    receiver.deliver(alert(end=at(5)), alert(level=2, start=at(4), end=at(5)))
    assert resolved_at(receiver) == ["2026-01-02T03:05:00.000Z"]
    receiver.deliver(alert())
    assert len(receiver.episodes()) == 1
    assert decisions(receiver) == []


def test_a_lost_end_is_noticed_when_the_alert_begins_anew(receiver: Receiver) -> None:
    receiver.deliver(alert(), alert(level=2, start=at(5)))
    receiver.deliver(alert(start=at(30)))
    receiver.deliver(alert(level=2, start=at(5), end=at(20)))
    assert resolved_at(receiver) == [None, "2026-01-02T03:30:00.000Z"]


def test_two_prometheus_replicas_with_slightly_different_starts_are_one_episode(
    receiver: Receiver,
) -> None:
    receiver.deliver(alert())
    receiver.deliver(alert(start=T0 + timedelta(seconds=20)))
    assert len(receiver.episodes()) == 1


def test_an_end_in_the_future_does_not_hide_the_next_firing(receiver: Receiver) -> None:
    receiver.deliver(alert(end=at(600)))
    receiver.clock.now = at(62)
    receiver.deliver(alert(start=at(61)))
    assert resolved_at(receiver) == [None, "2026-01-02T04:00:00.000Z"]


@pytest.mark.parametrize("level", [None, 1])
def test_other_labels_make_another_episode(receiver: Receiver, level: int | None) -> None:
    receiver.deliver(alert(level=level), alert(level=level, extractor="other_extractor"))
    assert len(receiver.episodes()) == 2


def test_a_second_action_on_a_busy_target_is_skipped_and_never_queued(receiver: Receiver) -> None:
    receiver.deliver(alert())
    receiver.deliver(alert(CACHE))
    receiver.deliver(alert(CACHE, start=at(0.1)), alert(CACHE, extractor="other_extractor"))
    found = {(r["action"], r["target"]): (r["state"], r["reason"]) for r in receiver.remediations()}
    assert found == {
        ("scale_up_deployment", "feature_extractor"): ("planned", None),
        ("clear_cache", "feature_extractor"): ("skipped", "target_busy"),
        ("clear_cache", "other_extractor"): ("planned", None),
    }


def test_a_skip_that_passes_is_decided_again_by_the_next_delivery(
    working: Receiver, target: Target
) -> None:
    target.ready_at_once = False
    working.deliver(alert())
    eventually(lambda: target.effects)
    working.deliver(alert(CACHE))
    working.deliver(alert(CACHE))
    target.ready_replicas = 2
    eventually(lambda: "done" in states(working))
    working.deliver(alert(CACHE))
    eventually(lambda: states(working) == ["done", "done"])
    assert target.effects == ["scale 2", "clear"]
    (cleared,) = (r for r in working.remediations() if r["action"] == "clear_cache")
    steps = [(step["state"], step["reason"]) for step in cleared["steps"]]
    assert steps[:2] == [("skipped", "target_busy"), ("planned", None)]
    working.deliver(alert(CACHE))
    assert states(working) == ["done", "done"]


def states(receiver: Receiver) -> list[str]:
    return [remediation["state"] for remediation in receiver.remediations()]


# clear_cache has a cooldown of 10 minutes; its first run ends at 04:00, an hour after T0.
@pytest.mark.parametrize(
    ("minutes", "decision"), [(69.9, ("skipped", "cooldown")), (70, ("planned", None))]
)
def test_an_action_rests_between_two_runs_on_one_target(
    working: Receiver, minutes: float, decision: tuple[str, str | None]
) -> None:
    working.deliver(alert(CACHE))
    working.finished()
    working.deliver(alert(CACHE, end=at(30)))
    working.stop()
    working.clock.now = at(minutes)
    working.deliver(alert(CACHE, start=at(40)))
    (newest, _) = working.remediations()
    assert (newest["state"], newest["reason"]) == decision


@pytest.mark.parametrize(
    ("name", "extractor", "reason"),
    [
        (CACHE, "stranger", "target_not_allowed"),
        (CACHE, "../other_extractor", "target_not_allowed"),
        ("FeatureExtractionErrorRateHigh", "feature_extractor", "action_off"),
    ],
)
def test_what_may_not_run_is_recorded_with_its_reason(
    receiver: Receiver, name: str, extractor: str, reason: str
) -> None:
    receiver.deliver(alert(name, extractor=extractor))
    (row,) = receiver.remediations()
    assert (row["state"], row["reason"], row["steps"][0]["actor"]) == ("skipped", reason, "policy")
    series = f'action="{row["action"]}",reason="{reason}"'
    assert receiver.metric(f"featurewatch_receiver_remediation_skips_total{{{series}}}") == 1


def test_responses_can_be_switched_off(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["responses"]["enabled"] = False
    receiver = make_receiver()
    receiver.deliver(alert())
    assert decisions(receiver) == [("scale_up_deployment", "skipped", "responses_disabled")]


@pytest.mark.parametrize("name", ["FeatureExtractionLatencyHigh", "Watchdog"])
def test_an_alert_without_a_response_is_only_recorded(receiver: Receiver, name: str) -> None:
    receiver.deliver(alert(name))
    assert len(receiver.episodes()) == 1
    assert decisions(receiver) == []


def test_hostile_labels_are_data(receiver: Receiver) -> None:
    receiver.deliver(alert(NASTY, extractor=NASTY, **{"kind": NASTY}))
    (episode,) = receiver.episodes()
    clean = NASTY.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert episode["labels"]["kind"] == episode["alertname"] == episode["extractor"] == clean
    receiver.deliver(alert(CACHE, extractor=NASTY))
    assert decisions(receiver) == [("clear_cache", "skipped", "target_not_allowed")]


def test_a_delivery_is_applied_whole_or_not_at_all(receiver: Receiver) -> None:
    with receiver.core.writer.begin() as connection:
        connection.execute(text("DROP TABLE remediation_steps"))
    assert receiver.post(payload(alert("Watchdog"), alert())).status_code == 200
    assert receiver.metric("featurewatch_receiver_inbox_set_aside_deliveries") == 1
    with receiver.core.reader.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM episodes")) == 0
        assert connection.scalar(text("SELECT count(*) FROM workflow_status")) == 0
