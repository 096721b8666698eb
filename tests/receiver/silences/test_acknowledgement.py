"""Acknowledgements on the real Alertmanager, with the project's own routes and inhibition."""

from datetime import UTC, datetime, timedelta

import pytest
from waiting import eventually

from featurewatch_receiver.clients.alertmanager import Alertmanager, Matcher, NewSilence
from featurewatch_receiver.errors import AcknowledgementError, AlertmanagerError, NoteError
from featurewatch_receiver.silences.acknowledgement import Acknowledgement, Acknowledger, Kind, Note
from receiver.live_alertmanager import ALERT, LATENCY, LiveAlertmanager

NOTE = Note(user="ada", reason="looking into it")
HOSTILE = "a\"b\\c\nd\te .*|(é){}=~,'$^[x] 漢"
CASCADE = {
    "alertname": "FeatureExtractionLatencyCascade",
    "category": "correlation",
    "type": "FeatureExtractionLatencyCascade",
}


@pytest.fixture
def acknowledger(client: Alertmanager) -> Acknowledger:
    return Acknowledger(client)


def levels(live: LiveAlertmanager, status: str = "firing", severity: str = "critical") -> set[str]:
    """Levels of the alert that were told."""
    told = live.told(status)
    return {level for name, word, level in told if (name, word) == ("extractor", severity)}


# --- Acknowledge ----------------------------------------------------------------------------


def test_an_acknowledged_alert_escalates_no_further_and_its_end_is_told(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1)
    live.wait_told(level=1)
    acknowledger.acknowledge(ALERT, NOTE)
    for level in (2, 3, 10, 100):
        live.fire(level=level)
    live.flush()
    assert levels(live) == {"1"}
    live.end()
    live.wait_told(level=1, status="resolved")
    assert levels(live, "resolved") == {"1"}


def test_without_acknowledgement_the_next_level_is_told(live: LiveAlertmanager) -> None:
    live.fire(level=1)
    live.wait_told(level=1)
    live.fire(level=2)
    live.flush()
    assert levels(live) == {"1", "2"}


def test_at_level_two_it_holds_back_level_three_and_no_resolved_message(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1)
    live.wait_told(level=1)
    live.fire(level=2)
    live.wait_told(level=2)
    assert acknowledger.acknowledge(ALERT, NOTE).level == 2
    live.fire(level=3)
    live.flush()
    assert levels(live) == {"1", "2"}
    live.end()
    live.wait_told(level=1, status="resolved")
    live.wait_told(level=2, status="resolved")
    assert levels(live, "resolved") == {"1", "2"}


def test_a_worse_severity_of_the_same_alert_is_told_with_its_levels(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1, **CASCADE, severity="high")
    live.wait_told(level=1, severity="high")
    acknowledger.acknowledge({"alertname": CASCADE["alertname"]}, NOTE)
    live.fire(level=2, **CASCADE, severity="medium")
    live.fire(level=2, **CASCADE, severity="high")
    live.flush(CASCADE["alertname"])
    live.fire(level=1, **CASCADE, severity="critical")
    live.wait_told(level=1, severity="critical")
    live.fire(level=2, **CASCADE, severity="critical")
    live.wait_told(level=2, severity="critical")
    assert levels(live, severity="high") == {"1"}
    assert levels(live, severity="medium") == set()


def test_an_acknowledgement_of_the_worse_severity_covers_the_milder_ones_too(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1, **CASCADE, severity="high")
    live.fire(level=1, **CASCADE, severity="critical")
    live.wait_told(level=1, severity="critical")
    acknowledger.acknowledge({"alertname": CASCADE["alertname"]}, NOTE)
    live.fire(level=2, **CASCADE, severity="high")
    live.fire(level=2, **CASCADE, severity="critical")
    live.flush(CASCADE["alertname"])
    assert "2" not in levels(live) | levels(live, severity="high")


def test_no_label_value_is_taken_for_anything_but_itself(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(extractor=HOSTILE, note=HOSTILE)
    live.wait_told(level=1, extractor=HOSTILE)
    made = acknowledger.acknowledge({**ALERT, "extractor": HOSTILE}, NOTE)
    assert made.labels["extractor"] == HOSTILE
    live.fire(level=2, extractor=HOSTILE, note=HOSTILE)
    live.flush(extractor=HOSTILE)
    assert (HOSTILE, "critical", "2") not in live.told()
    assert [found.labels for found in acknowledger.current()] == [made.labels]


def test_a_value_that_reads_like_a_pattern_acknowledges_no_other_alert(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(extractor=".*")
    acknowledger.acknowledge({**ALERT, "extractor": ".*"}, NOTE)
    live.fire(level=2)
    live.wait_told(level=2)


def test_the_silence_says_who_and_why_to_everybody_who_looks(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire()
    now = datetime.now(UTC)
    note = Note(user=" ada ", reason="cache refills: see\nthe log ", duration=timedelta(hours=2))
    made = acknowledger.acknowledge(ALERT, note)
    (silence,) = live.silences()
    assert silence["createdBy"] == "ada"
    assert silence["comment"] == "featurewatch ack at level 1: cache refills: see\nthe log"
    assert silence["status"]["state"] == "active"
    assert timedelta(hours=2) <= made.until - now < timedelta(hours=2, minutes=1)
    labels = {n: v for n, v in LATENCY.items() if n not in ("severity", "escalation_policy")}
    until = made.until.replace(microsecond=made.until.microsecond // 1000 * 1000)
    assert acknowledger.current() == [
        Acknowledgement(
            kind=Kind.ACK,
            id=silence["id"],
            labels=labels | {"extractor": "extractor"},
            level=1,
            user="ada",
            reason="cache refills: see\nthe log",
            until=until,
        )
    ]


def test_an_alert_about_no_extractor_is_acknowledged_for_itself_alone(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    """Those of single extractors may begin afterwards."""
    absent = {"alertname": "FeatureExtractionMetricsAbsent", "type": "absent"}
    live.fire(level=1, **absent, extractor="")
    made = acknowledger.acknowledge({"alertname": absent["alertname"]}, NOTE)
    assert made.labels["extractor"] == ""
    assert [found.labels for found in acknowledger.current()] == [made.labels]
    live.fire(level=2, **absent, extractor="")
    live.fire(level=2, **absent, extractor="b")
    live.wait_told(level=2, extractor="b")
    held = [a for a in live.alerts() if a["status"]["silencedBy"]]
    assert [(a["labels"].get("extractor"), a["labels"]["escalation_level"]) for a in held] == [
        (None, "2")
    ]
    assert made.covers({**absent, "category": "performance"})
    assert not made.covers({**absent, "category": "performance", "extractor": "b"})


def test_a_label_that_only_others_of_its_name_have_tells_an_alert_from_them(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1)
    live.fire(level=1, cluster="eu")
    acknowledger.acknowledge({**ALERT, "cluster": ""}, NOTE)
    live.fire(level=2, cluster="eu")
    live.wait_told(level=2)


@pytest.mark.parametrize("hours", [-26, 26])
def test_it_begins_at_once_when_our_clock_is_wrong(
    live: LiveAlertmanager, client: Alertmanager, hours: int
) -> None:
    live.fire()
    wrong = Acknowledger(client, lambda: datetime.now(UTC) + timedelta(hours=hours))
    wrong.acknowledge(ALERT, Note(user="ada", reason="x", duration=timedelta(hours=48)))
    assert [s["status"]["state"] for s in live.silences()] == ["active"]


def test_another_acknowledgement_replaces_the_first_and_lets_no_level_through(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1)
    live.wait_told(level=1)
    acknowledger.acknowledge(ALERT, NOTE)
    live.fire(level=2)
    again = acknowledger.acknowledge(ALERT, Note(user="bob", reason="taking over"))
    assert again.level == 1
    assert [(a.id, a.user, a.reason) for a in acknowledger.current()] == [
        (again.id, "bob", "taking over")
    ]
    live.flush()
    assert levels(live) == {"1"}


def test_a_level_that_somebody_silenced_by_hand_is_held_to_have_been_told(
    live: LiveAlertmanager, client: Alertmanager, acknowledger: Acknowledger
) -> None:
    """It may have been, before that silence; its end must be told then."""
    live.fire(level=1)
    live.fire(level=2)
    matchers = (Matcher(name="escalation_level", value="2"),)
    now = datetime.now(UTC)
    ends = now + timedelta(hours=1)
    by_hand = NewSilence(
        matchers=matchers, starts_at=now, ends_at=ends, created_by="bob", comment="quiet"
    )
    client.add_silence(by_hand)
    assert acknowledger.acknowledge(ALERT, NOTE).level == 2


# --- Refusals -------------------------------------------------------------------------------


def test_what_does_not_fire_is_not_acknowledged(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire()
    with pytest.raises(AcknowledgementError) as refused:
        acknowledger.acknowledge({"alertname": "Other"}, NOTE)
    assert str(refused.value) == (
        'alertname="Other": no such alert fires; firing are: FeatureExtractionLatencyCritical'
    )
    live.end()
    with pytest.raises(AcknowledgementError, match="no such alert fires; firing are: none"):
        acknowledger.acknowledge(ALERT, NOTE)
    assert live.silences() == []


def test_an_alert_of_others_is_not_ours_to_acknowledge(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(alertname="DiskFull", escalation_policy="")
    with pytest.raises(AcknowledgementError, match='"DiskFull": no such alert fires'):
        acknowledger.acknowledge({"alertname": "DiskFull"}, NOTE)


def test_of_several_alerts_one_must_be_named(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(extractor="a")
    live.fire(extractor="b", zone="eu")
    name = {"alertname": LATENCY["alertname"]}
    with pytest.raises(AcknowledgementError) as refused:
        acknowledger.acknowledge(name, NOTE)
    assert str(refused.value) == (
        'alertname="FeatureExtractionLatencyCritical": 2 alerts match; add LABEL=VALUE of one:'
        ' extractor="a" zone="" or extractor="b" zone="eu"'
    )
    made = acknowledger.acknowledge({**name, "zone": ""}, NOTE)
    assert made.labels["extractor"] == "a"


def test_narrowed_by_a_level_the_whole_alert_is_meant(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1)
    live.fire(level=2)
    assert acknowledger.acknowledge({**ALERT, "escalation_level": "1"}, NOTE).level == 2


@pytest.mark.parametrize(
    ("user", "reason", "hours", "said"),
    [
        (" ", "x", 1, "user: is empty; say who acknowledges"),
        ("ada", "\n", 1, "reason: is empty; say why"),
        ("ada", "\udcff", 1, "reason: is not UTF-8 text; say why in UTF-8"),
        ("ada", "x", 0, "duration: must be above 0s and at most 30d"),
        ("ada", "x", 721, "duration: must be above 0s and at most 30d"),
    ],
)
def test_who_and_why_and_how_long_must_make_sense(
    user: str, reason: str, hours: int, said: str
) -> None:
    with pytest.raises(NoteError) as refused:
        Note(user=user, reason=reason, duration=timedelta(hours=hours))
    assert str(refused.value) == said


def test_what_alertmanager_refuses_is_said_in_its_words(
    live: LiveAlertmanager, client: Alertmanager
) -> None:
    live.fire()
    late = Acknowledger(client, lambda: datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(AlertmanagerError) as refused:
        late.acknowledge(ALERT, NOTE)
    said = str(refused.value)
    assert said.startswith(f"Alertmanager at {live.url} answered 400 to POST /silences: ")
    assert "end time can't be in the past" in said


# --- Unacknowledge, resolve -----------------------------------------------------------------


def test_taken_back_the_next_level_is_told(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1)
    made = acknowledger.acknowledge(ALERT, NOTE)
    live.fire(level=2)
    live.flush()
    assert levels(live) == {"1"}
    assert [ended.id for ended in acknowledger.unacknowledge({"extractor": "extractor"})] == [
        made.id
    ]
    live.wait_told(level=2)
    assert acknowledger.current() == []


def test_taken_back_is_only_what_was_meant(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    for name in ("a", "b"):
        live.fire(extractor=name)
        acknowledger.acknowledge({**ALERT, "extractor": name}, NOTE)
    name = {"alertname": LATENCY["alertname"]}
    with pytest.raises(AcknowledgementError, match=r'2 alerts match; .* extractor="a" or'):
        acknowledger.unacknowledge(name)
    acknowledger.unacknowledge({**name, "extractor": "a"})
    assert [made.labels["extractor"] for made in acknowledger.current()] == ["b"]
    with pytest.raises(AcknowledgementError, match='extractor="a": is not acknowledged'):
        acknowledger.unacknowledge({**name, "extractor": "a"})


def test_a_resolved_alert_stays_quiet_until_it_ends(
    live: LiveAlertmanager, acknowledger: Acknowledger
) -> None:
    live.fire(level=1)
    live.wait_told(level=1)
    acknowledger.acknowledge(ALERT, NOTE)
    acknowledger.acknowledge(ALERT, Note(user="ada", reason="scaled up"), Kind.RESOLVE)
    assert [(a.kind, a.reason) for a in acknowledger.current()] == [(Kind.RESOLVE, "scaled up")]
    assert live.silences()[0]["comment"] == "featurewatch resolve at level 1: scaled up"
    live.fire(level=2)
    live.flush()
    assert levels(live) == {"1"}
    live.end()
    live.wait_told(level=1, status="resolved")


def test_silences_of_others_are_left_alone(
    live: LiveAlertmanager, client: Alertmanager, acknowledger: Acknowledger
) -> None:
    """Even one whose comment was copied from ours, but which silences something else."""
    now = datetime.now(UTC)
    for comment in ("maintenance", "featurewatch ack at level 1: copied"):
        client.add_silence(
            NewSilence(
                matchers=(Matcher(name="extractor", value="extractor"),),
                starts_at=now,
                ends_at=now + timedelta(hours=1),
                created_by="bob",
                comment=comment,
            )
        )
    assert acknowledger.current() == []
    live.fire()
    acknowledger.acknowledge(ALERT, NOTE)
    acknowledger.unacknowledge(ALERT)
    assert len(live.silences()) == 2
    assert acknowledger.current() == []


def test_the_last_level_of_an_incident_mutes_a_member_that_has_more_levels(
    live: LiveAlertmanager,
) -> None:
    """Else it would tell people through the incident, acknowledged or not."""
    for level in (1, 2):  # all that resource_critical has
        live.fire(level=level, **CASCADE, escalation_policy="resource_critical")
    for level in (1, 2, 3):
        live.fire(level=level)

    def states() -> list[str]:
        return [
            alert["status"]["state"]
            for alert in live.alerts()
            if LATENCY.items() <= alert["labels"].items()
        ]

    eventually(lambda: states() == ["suppressed"] * 3)
