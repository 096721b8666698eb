"""History agrees with Alertmanager and Prometheus again, whatever was lost: on real ones."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from waiting import eventually

from featurewatch_receiver.acts.expiry import GONE_SECONDS
from featurewatch_receiver.automation import housekeeping, sequence
from featurewatch_receiver.clients.alertmanager import Alertmanager, Matcher, NewSilence
from featurewatch_receiver.clients.prometheus import Prometheus
from featurewatch_receiver.errors import AlertmanagerError, PrometheusError
from featurewatch_receiver.history.queries import find_episode
from featurewatch_receiver.history.statuses import status_column
from featurewatch_receiver.reconciliation.differences import MISSED_SECONDS
from featurewatch_receiver.reconciliation.reconcile import Reconciler, reconciling
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Kind, Note
from featurewatch_receiver.store.schema import alerts, episodes, notifications, remediations
from receiver.in_process import Receiver, locked
from receiver.live_alertmanager import ALERT, CACHE, LATENCY, LiveAlertmanager
from receiver.live_prometheus import LivePrometheus
from receiver.payloads import Json, payload
from receiver.processes import Replicas

NAME = "feature_extractor"
NOTE = Note(user="ada", reason="looking into it")
CASCADE = {
    "alertname": "FeatureExtractionLatencyCascade",
    "category": "correlation",
    "type": "FeatureExtractionLatencyCascade",
}
RECONCILED = "featurewatch_receiver_reconciled_total"


class PrometheusStub:
    """Answers the one question with what the test says."""

    def __init__(self) -> None:
        self.firing: list[dict[str, str]] = []
        self.away = False

    def samples(self, _: str) -> list[tuple[dict[str, str], float]]:
        if self.away:
            raise PrometheusError("Prometheus can't be reached")
        return [({"__name__": "ALERTS", **labels}, 1.0) for labels in self.firing]


class Looks:
    """A receiver, its reconciler, and the seconds that its clocks show."""

    def __init__(self, receiver: Receiver, client: Alertmanager, prometheus: Any) -> None:
        self.receiver = receiver
        self._seconds = 0.0
        self.reconciler = Reconciler(
            receiver.core, receiver.queue, client, prometheus, lambda: self._seconds
        )
        receiver.clock.now = datetime.now(UTC)

    def after(self, seconds: float) -> None:
        """Look so many seconds later."""
        self._seconds += seconds
        self.receiver.clock.now = datetime.now(UTC) + timedelta(seconds=self._seconds)
        self.reconciler.look()

    def deliver(self, live: LiveAlertmanager, status: str = "firing", **labels: str) -> None:
        """Hand over what Alertmanager has, as it would: the alerts with these labels."""
        given = [
            {
                "status": status,
                "labels": alert["labels"],
                "annotations": alert["annotations"],
                "startsAt": alert["startsAt"],
                "endsAt": "0001-01-01T00:00:00Z",
                "fingerprint": alert["fingerprint"],
            }
            for alert in live.alerts()
            if alert["labels"].items() >= labels.items()
        ]
        assert self.receiver.post(payload(*given)).status_code == 200

    def episodes(self) -> list[Any]:
        return rows(self.receiver, select(episodes, status_column).order_by(episodes.c.alertname))

    def episode(self) -> Any:
        (found,) = self.episodes()
        return found

    def told(self) -> list[tuple[int, str, str]]:
        found = rows(self.receiver, select(notifications).order_by(notifications.c.id))
        return [(row.level, row.receiver, row.status) for row in found]

    def actions(self) -> list[str]:
        return [row.action for row in rows(self.receiver, select(remediations))]

    def found(self) -> dict[str, float]:
        """Differences that were counted."""
        text = self.receiver.client.get("/metrics").text
        lines = [line for line in text.splitlines() if line.startswith(RECONCILED + "{")]
        counts = {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}
        return {name: count for name, count in counts.items() if count}


def rows(receiver: Receiver, query: Any) -> list[Any]:
    with receiver.core.reader.begin() as connection:
        return list(connection.execute(query))


@pytest.fixture
def prometheus() -> PrometheusStub:
    return PrometheusStub()


@pytest.fixture
def looks(receiver: Receiver, client: Alertmanager, prometheus: PrometheusStub) -> Looks:
    return Looks(receiver, client, prometheus)


@pytest.fixture
def acknowledger(client: Alertmanager) -> Acknowledger:
    return Acknowledger(client)


def silence(client: Alertmanager, name: str = "extractor", value: str = NAME) -> str:
    now = datetime.now(UTC)
    quiet = NewSilence(
        matchers=(Matcher(name=name, value=value),),
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        created_by="bob",
        comment="quiet",
    )
    return client.add_silence(quiet)


# --- Deliveries that were lost --------------------------------------------------------------


def test_an_alert_whose_delivery_was_lost_is_taken_in_and_decided_after_a_minute(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(extractor=NAME)
    looks.after(0)
    looks.after(MISSED_SECONDS - 1)
    assert looks.episodes() == []
    looks.after(1)
    assert looks.episode().labels == LATENCY | {"extractor": NAME}
    assert looks.actions() == ["scale_up_deployment"]
    assert looks.found() == {"missed_firing": 1}
    looks.after(GONE_SECONDS)
    assert (looks.actions(), looks.found()) == (["scale_up_deployment"], {"missed_firing": 1})
    assert MISSED_SECONDS == 60


def test_what_was_delivered_is_no_difference(live: LiveAlertmanager, looks: Looks) -> None:
    live.fire(extractor=NAME)
    looks.after(0)
    looks.deliver(live)
    looks.after(MISSED_SECONDS)
    looks.after(GONE_SECONDS)
    assert looks.found() == {}
    assert looks.episode().status == "active"


def test_the_rest_of_a_truncated_group_is_taken_in(live: LiveAlertmanager, looks: Looks) -> None:
    for extractor in ("a", "b", "c"):
        live.fire(extractor=extractor)
    looks.deliver(live, extractor="a")
    looks.after(0)
    looks.after(MISSED_SECONDS)
    assert {row.extractor for row in looks.episodes()} == {"a", "b", "c"}
    assert looks.found() == {"missed_firing": 2}


def test_a_level_that_was_lost_joins_its_episode(live: LiveAlertmanager, looks: Looks) -> None:
    live.fire(level=1, extractor=NAME)
    looks.deliver(live)
    live.fire(level=2, extractor=NAME)
    looks.after(0)
    looks.after(MISSED_SECONDS)
    assert looks.episode().escalation_level == 2


def test_an_end_whose_delivery_was_lost_is_taken_in_after_two_minutes(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(extractor=NAME)
    looks.deliver(live)
    live.end()
    looks.after(30)
    gone = looks.receiver.clock.now
    looks.after(GONE_SECONDS - 1)
    assert looks.episode().resolved_at is None
    looks.after(1)
    assert abs(looks.episode().resolved_at - gone) < timedelta(seconds=1)
    assert (looks.episode().status, looks.found()) == ("resolved", {"missed_resolved": 1})
    count = 'featurewatch_receiver_time_to_resolve_seconds_count{severity="critical"}'
    assert looks.receiver.metric(count) == 1
    looks.after(GONE_SECONDS)
    assert (looks.receiver.metric(count), looks.found()) == (1, {"missed_resolved": 1})


def test_an_alert_that_ended_and_began_anew_meanwhile_is_two_episodes(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(extractor=NAME)
    looks.deliver(live)
    with looks.receiver.core.writer.begin() as connection:
        earlier = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(alerts).values(starts_at=earlier))
    looks.after(0)
    looks.after(MISSED_SECONDS)
    looks.after(1)
    assert sorted(row.status for row in looks.episodes()) == ["active", "resolved"]
    assert sorted(status for _, _, status in looks.told()) == ["firing", "firing", "resolved"]


def test_what_history_knows_to_be_over_is_left_alone(live: LiveAlertmanager, looks: Looks) -> None:
    """The end was delivered, and Alertmanager has not forgotten the alert yet."""
    live.fire(extractor=NAME)
    looks.deliver(live)
    (alert,) = live.alerts()
    ended = datetime.now(UTC) + timedelta(seconds=1)
    looks.receiver.clock.now = ended
    over = {name: alert[name] for name in ("labels", "annotations", "startsAt", "fingerprint")}
    over |= {"status": "resolved", "endsAt": ended.isoformat()}
    looks.receiver.post(payload(over))
    looks.after(2)
    looks.after(MISSED_SECONDS)
    looks.after(MISSED_SECONDS)
    assert looks.episode().resolved_at == ended
    assert looks.found() == {}
    with locked(looks.receiver.core):  # it asks once, and writes nothing more
        looks.after(MISSED_SECONDS)


def test_alerts_of_others_are_followed_and_signals_are_not(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(alertname="DiskFull", escalation_policy="", severity="page")
    live.fire(alertname="Watchdog", severity="none", category="featurewatch")
    looks.after(0)
    looks.after(MISSED_SECONDS)
    assert [row.alertname for row in looks.episodes()] == ["DiskFull"]
    looks.after(GONE_SECONDS)
    assert looks.episode().resolved_at is None
    live.end()
    looks.after(0)
    looks.after(GONE_SECONDS)
    assert looks.episode().resolved_at is not None
    count = 'featurewatch_receiver_time_to_resolve_seconds_count{severity="other"}'
    assert looks.receiver.metric(count) == 1


# --- What is muted --------------------------------------------------------------------------


def test_the_end_of_a_silenced_alert_is_seen_though_nobody_is_told(
    live: LiveAlertmanager, client: Alertmanager, looks: Looks
) -> None:
    live.fire(extractor=NAME)
    looks.deliver(live)
    looks.after(0)
    assert looks.episode().status == "active"
    silence(client)
    looks.after(1)
    assert (looks.episode().status, looks.episode().silenced_by) == ("silenced", "bob")
    live.end()
    looks.after(1)
    looks.after(GONE_SECONDS)
    assert looks.episode().status == "resolved"
    assert looks.found() == {"muted_resolved": 1}


def test_an_alert_is_silenced_only_while_a_silence_mutes_every_level_that_speaks(
    live: LiveAlertmanager, client: Alertmanager, looks: Looks
) -> None:
    for level in (1, 2):
        live.fire(level=level, extractor=NAME)
    looks.deliver(live)
    first = silence(client, "escalation_level", "1")
    looks.after(0)
    assert looks.episode().status == "active"
    second = silence(client, "escalation_level", "2")
    looks.after(1)
    assert looks.episode().status == "silenced"
    for made in (first, second):
        client.expire_silence(made)
    looks.after(1)
    assert (looks.episode().status, looks.episode().silenced_by) == ("active", None)


def test_a_member_of_an_incident_is_an_episode_on_which_nothing_acts(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(**CASCADE, extractor=NAME)
    live.fire(**CACHE, extractor=NAME)
    eventually(lambda: [a for a in live.alerts() if a["status"]["inhibitedBy"]])
    looks.after(0)
    member = looks.episode()
    assert member.alertname == CACHE["alertname"]
    assert member.inhibited_at is not None
    assert looks.found() == {"muted_firing": 1}
    housekeeping.reconsider(looks.receiver.core, looks.receiver.queue)
    assert looks.actions() == []
    with looks.receiver.core.reader.begin() as connection:
        core = looks.receiver.core
        assert sequence.episodes_begun(connection, core.config, core.now()) == 0


def test_a_member_that_outlasts_its_incident_is_acted_on_then(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(**CASCADE, extractor=NAME)
    live.fire(**CACHE, extractor=NAME)
    eventually(lambda: [a for a in live.alerts() if a["status"]["inhibitedBy"]])
    looks.after(0)
    live.end(alertname=CASCADE["alertname"])
    looks.after(1)
    assert looks.episode().inhibited_at is None
    housekeeping.reconsider(looks.receiver.core, looks.receiver.queue)
    assert looks.actions() == ["clear_cache"]


# --- Acknowledgements -----------------------------------------------------------------------


def test_an_acknowledgement_and_its_end_are_seen_and_counted_once(
    live: LiveAlertmanager, acknowledger: Acknowledger, looks: Looks
) -> None:
    live.fire()
    looks.deliver(live)
    made = acknowledger.acknowledge(ALERT, NOTE)
    looks.after(1)
    found = looks.episode()
    assert found.status == "acknowledged"
    assert (found.acknowledged_by, found.acknowledged_reason) == ("ada", "looking into it")
    assert abs(found.acknowledged_at - datetime.now(UTC)) < timedelta(seconds=30)
    acknowledger.unacknowledge(ALERT)
    looks.after(1)
    again = looks.episode()
    assert (again.status, again.acknowledged_by) == ("active", None)
    assert again.first_acknowledged_at == found.acknowledged_at
    assert made.id
    acknowledger.acknowledge(ALERT, Note(user="bob", reason="mine"))
    looks.after(1)
    assert looks.episode().acknowledged_by == "bob"
    assert looks.episode().first_acknowledged_at == found.acknowledged_at
    count = 'featurewatch_receiver_time_to_acknowledge_seconds_count{severity="critical"}'
    assert looks.receiver.metric(count) == 1


def test_what_was_said_at_alertmanager_is_a_line_with_the_episodes_id(
    live: LiveAlertmanager,
    acknowledger: Acknowledger,
    looks: Looks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    live.fire()
    looks.deliver(live)
    acknowledger.acknowledge(ALERT, NOTE)
    for _ in range(2):  # it is news once
        looks.after(1)
    acknowledger.unacknowledge(ALERT)
    looks.after(1)
    lines = [vars(r)["fields"] for r in caplog.records if r.message == "episode changed"]
    names = ("episode", "acknowledged_by", "acknowledged_reason")
    assert [tuple(line[name] for name in names) for line in lines] == [
        (looks.episode().id, "ada", "looking into it"),
        (looks.episode().id, None, None),
    ]


def test_who_calls_it_resolved_has_it_until_it_ends(
    live: LiveAlertmanager, acknowledger: Acknowledger, looks: Looks
) -> None:
    live.fire()
    looks.deliver(live)
    acknowledger.acknowledge(ALERT, Note(user="ada", reason="scaled up"), Kind.RESOLVE)
    looks.after(1)
    found = looks.episode()
    assert (found.status, found.resolved_by, found.resolved_reason) == (
        "acknowledged",
        "ada",
        "scaled up",
    )
    live.end()
    looks.after(1)
    looks.after(GONE_SECONDS)
    assert (looks.episode().status, looks.episode().resolved_by) == ("resolved", "ada")


def test_a_hold_is_no_acknowledgement_and_silences_nothing(
    live: LiveAlertmanager, acknowledger: Acknowledger, looks: Looks
) -> None:
    live.fire(level=1)
    looks.deliver(live)
    acknowledger.acknowledge(ALERT, NOTE, Kind.HOLD)
    live.fire(level=2)
    looks.after(1)
    assert looks.episode().status == "active"


def test_a_level_that_is_held_back_is_no_difference(
    live: LiveAlertmanager, acknowledger: Acknowledger, looks: Looks
) -> None:
    live.fire(level=1)
    looks.deliver(live)
    acknowledger.acknowledge(ALERT, NOTE)
    live.fire(level=2)
    looks.after(1)
    looks.after(MISSED_SECONDS)
    assert (looks.episode().escalation_level, looks.found()) == (1, {})


def test_a_worse_severity_of_an_acknowledged_alert_is_nobodys_yet(
    live: LiveAlertmanager, acknowledger: Acknowledger, looks: Looks
) -> None:
    live.fire(**CASCADE, severity="high")
    acknowledger.acknowledge({"alertname": CASCADE["alertname"]}, NOTE)
    live.fire(**CASCADE, severity="critical")
    looks.deliver(live)
    looks.after(1)
    assert {row.severity: row.status for row in looks.episodes()} == {
        "high": "acknowledged",
        "critical": "active",
    }


# --- Notifications --------------------------------------------------------------------------


def test_whom_alertmanager_tells_is_remembered_once_with_the_end(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(level=1)
    looks.deliver(live)
    looks.after(1)
    looks.after(1)
    assert looks.told() == [(1, "latency_violation-level-1", "firing")]
    live.fire(level=2)
    looks.deliver(live)
    looks.after(1)
    first = [(n, f"latency_violation-level-{n}", "firing") for n in (1, 2)]
    assert looks.told() == first
    live.end()
    looks.after(1)
    looks.after(GONE_SECONDS)
    looks.after(1)
    last = [(n, f"latency_violation-level-{n}", "resolved") for n in (1, 2)]
    assert looks.told() == first + last


def test_an_alertmanager_that_started_after_an_alert_had_ended_tells_nobody_of_that(
    live: LiveAlertmanager, looks: Looks
) -> None:
    """It never knew that it fired. One that it was sent again ends as any."""
    live.fire(level=1)
    live.fire(level=1, extractor=NAME)
    looks.deliver(live)
    looks.after(1)
    live.stop()
    live.forget(extractor="extractor")
    live.start()
    live.send_again()
    looks.after(1)
    live.end()
    looks.after(GONE_SECONDS)
    looks.after(GONE_SECONDS)
    looks.after(1)
    ends = [row.extractor for row in looks.episodes() if row.resolved_at]
    assert sorted(ends) == ["extractor", NAME]
    query = select(episodes.c.extractor).join(notifications)
    told = rows(looks.receiver, query.where(notifications.c.status == "resolved"))
    assert [row.extractor for row in told] == [NAME]


def test_history_names_channels_and_people_of_a_notification(
    live: LiveAlertmanager,
    client: Alertmanager,
    settings: Json,
    make_receiver: Callable[[], Receiver],
) -> None:
    team = {"channels": ["email"], "recipients": ["team"], "resolved": True}
    settings["notifications"] = {"receivers": {"latency_violation-level-1": team}}
    looks = Looks(make_receiver(), client, None)
    for level in (1, 2):
        live.fire(level=level)
        looks.deliver(live)
        looks.after(1)
    found = find_episode(looks.receiver.core, looks.episode().id)
    assert found is not None
    told = {row["level"]: (row["channels"], row["recipients"]) for row in found["notifications"]}
    assert told == {1: (["email"], ["team"]), 2: (None, None)}


def test_nobody_is_told_of_what_is_muted_or_overtaken_while_it_waits(
    live: LiveAlertmanager,
    client: Alertmanager,
    settings: Json,
    make_receiver: Callable[[], Receiver],
) -> None:
    settings["notifications"] = {"wait": "45s", "receivers": {}}
    looks = Looks(make_receiver(), client, None)
    live.fire(level=1)
    looks.deliver(live)
    looks.after(1)
    live.fire(level=2)
    eventually(lambda: [a for a in live.alerts() if a["status"]["inhibitedBy"]])
    looks.deliver(live)
    looks.after(20)
    assert looks.told() == []
    looks.after(45)
    assert looks.told() == [(2, "latency_violation-level-2", "firing")]
    silence(client, value="extractor")
    looks.after(1)
    live.end()
    looks.after(1)
    looks.after(GONE_SECONDS)
    assert len(looks.told()) == 1


def test_a_receiver_without_channels_tells_nobody_and_another_one_no_end(
    live: LiveAlertmanager,
    client: Alertmanager,
    settings: Json,
    make_receiver: Callable[[], Receiver],
) -> None:
    nobody = {"channels": [], "recipients": ["team"], "resolved": True}
    no_end = {"channels": ["email"], "recipients": ["team"], "resolved": False}
    told = {"latency_violation-level-1": nobody, "latency_violation-level-2": no_end}
    settings["notifications"] = {"wait": "0s", "receivers": told}
    looks = Looks(make_receiver(), client, None)
    for level in (1, 2):
        live.fire(level=level)
        looks.deliver(live)
        looks.after(1)
    live.end()
    looks.after(1)
    looks.after(GONE_SECONDS)
    assert looks.told() == [(2, "latency_violation-level-2", "firing")]


# --- When a server is away ------------------------------------------------------------------


def test_what_still_fires_at_prometheus_has_not_ended_and_its_absence_is_told_once(
    live: LiveAlertmanager, looks: Looks, prometheus: PrometheusStub
) -> None:
    live.fire(extractor=NAME, cluster="eu")
    prometheus.firing = [LATENCY | {"extractor": NAME, "escalation_level": "1"}]
    looks.deliver(live)
    live.end()
    looks.after(1)
    looks.after(GONE_SECONDS)
    looks.after(GONE_SECONDS)
    assert looks.episode().resolved_at is None
    assert looks.found() == {"unsent": 1}
    prometheus.firing = []
    looks.after(1)
    looks.after(GONE_SECONDS)
    assert looks.episode().resolved_at is not None


def test_while_prometheus_is_away_nothing_ends_and_the_rest_is_seen(
    live: LiveAlertmanager, client: Alertmanager, looks: Looks, prometheus: PrometheusStub
) -> None:
    live.fire(extractor=NAME)
    looks.deliver(live)
    live.end()
    looks.after(1)
    prometheus.away = True
    live.fire(extractor="other")
    silence(client, value="other")
    for seconds in (GONE_SECONDS, GONE_SECONDS):
        with pytest.raises(PrometheusError):
            looks.after(seconds)
    assert {row.extractor: row.status for row in looks.episodes()} == {
        NAME: "active",
        "other": "silenced",
    }
    prometheus.away = False
    looks.after(1)
    looks.after(GONE_SECONDS - 1)
    assert not any(row.resolved_at for row in looks.episodes())
    looks.after(1)
    assert [row.extractor for row in looks.episodes() if row.resolved_at] == [NAME]


def test_an_alertmanager_that_was_away_or_restarted_ends_nothing(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(extractor=NAME)
    looks.deliver(live)
    looks.after(1)
    live.stop()
    for _ in range(2):
        with pytest.raises(AlertmanagerError):
            looks.after(GONE_SECONDS)
    live.start()
    looks.after(1)
    looks.after(GONE_SECONDS - 1)
    live.send_again()
    looks.after(1)
    looks.after(GONE_SECONDS)
    assert (looks.episode().resolved_at, looks.found()) == (None, {})


def test_what_was_seen_before_a_restart_of_alertmanager_does_not_count(
    live: LiveAlertmanager, looks: Looks
) -> None:
    live.fire(extractor=NAME)
    looks.deliver(live)
    live.end()
    looks.after(1)
    live.stop()
    live.start()
    looks.after(GONE_SECONDS)
    looks.after(GONE_SECONDS - 1)
    assert looks.episode().resolved_at is None
    looks.after(1)
    assert looks.episode().resolved_at is not None


def test_what_was_seen_before_an_outage_of_the_network_does_not_count(
    live: LiveAlertmanager, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alertmanager was there all the time: the alert may have been back in between."""

    def unreachable(*_: object, **__: object) -> bytes:
        raise AlertmanagerError("Alertmanager can't be reached")

    live.fire(extractor=NAME)
    looks.deliver(live)
    live.end()
    looks.after(1)
    with monkeypatch.context() as away:
        away.setattr(Alertmanager, "_send", unreachable)
        with pytest.raises(AlertmanagerError):
            looks.after(1)
    looks.after(GONE_SECONDS)
    looks.after(GONE_SECONDS - 1)
    assert looks.episode().resolved_at is None
    looks.after(1)
    assert looks.episode().resolved_at is not None


# --- With Prometheus ------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path, live: LiveAlertmanager) -> Iterator[LivePrometheus]:
    with LivePrometheus(tmp_path, live.url) as source:
        yield source


@pytest.fixture
def whole(receiver: Receiver, client: Alertmanager, source: LivePrometheus) -> Iterator[Looks]:
    """Between both servers, without a single delivery."""
    with contextlib.closing(Prometheus(source.url)) as prometheus:
        yield Looks(receiver, client, prometheus)


def test_a_receiver_that_hears_nothing_follows_an_alert_from_begin_to_end(
    live: LiveAlertmanager, source: LivePrometheus, whole: Looks
) -> None:
    source.fire(NAME)
    source.wait_fires(NAME)
    eventually(live.alerts)
    whole.after(0)
    whole.after(MISSED_SECONDS)
    assert whole.episode().labels["cluster"] == "eu"
    whole.after(GONE_SECONDS)
    assert whole.episode().resolved_at is None
    source.fire()
    source.wait_fires()
    eventually(lambda: live.alerts() == [])
    whole.after(0)
    whole.after(GONE_SECONDS)
    assert whole.episode().resolved_at is not None
    assert whole.found() == {"missed_firing": 1, "missed_resolved": 1}


def test_an_alert_that_alertmanager_forgot_in_a_restart_goes_on(
    live: LiveAlertmanager, source: LivePrometheus, whole: Looks
) -> None:
    source.fire(NAME)
    source.wait_fires(NAME)
    eventually(live.alerts)
    whole.deliver(live)
    live.stop()
    live.start()
    eventually(live.alerts)
    whole.after(0)
    whole.after(GONE_SECONDS)
    assert (whole.episode().resolved_at, whole.found()) == (None, {})


def test_an_alert_outlasts_a_restart_of_prometheus(
    live: LiveAlertmanager, source: LivePrometheus, whole: Looks
) -> None:
    source.fire(NAME)
    source.wait_fires(NAME)
    eventually(live.alerts)
    whole.deliver(live)
    whole.after(0)
    source.stop()
    with pytest.raises(PrometheusError):
        whole.after(GONE_SECONDS)
    source.start()
    source.wait_fires(NAME)
    whole.after(1)
    whole.after(GONE_SECONDS)
    assert whole.episode().resolved_at is None


# --- Several receivers, and the loop --------------------------------------------------------


def test_two_receivers_on_one_database_repair_once(
    live: LiveAlertmanager,
    client: Alertmanager,
    acknowledger: Acknowledger,
    make_receiver: Callable[[], Receiver],
) -> None:
    both = [Looks(make_receiver(), client, None) for _ in range(2)]
    live.fire()
    acknowledger.acknowledge(ALERT, NOTE)

    def look(seconds: float) -> None:
        threads = [threading.Thread(target=looks.after, args=(seconds,)) for looks in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    look(0)
    look(MISSED_SECONDS)
    live.end()
    look(1)
    look(GONE_SECONDS)
    counts = [looks.found() for looks in both]
    for name in ("missed_firing", "missed_resolved"):
        assert sum(count.get(name, 0) for count in counts) == 1
    assert both[0].episode().status == "resolved"
    assert both[0].told() == [
        (1, "latency_violation-level-1", "firing"),
        (1, "latency_violation-level-1", "resolved"),
    ]
    for what in ("acknowledge", "resolve"):
        line = f'featurewatch_receiver_time_to_{what}_seconds_count{{severity="critical"}}'
        assert sum(looks.receiver.metric(line) for looks in both) == 1


def test_the_loop_tells_once_that_a_server_is_away_and_when_it_last_looked(
    live: LiveAlertmanager,
    settings: Json,
    make_receiver: Callable[[], Receiver],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def said(event: str) -> int:
        return [record.message for record in caplog.records].count(event)

    caplog.set_level(logging.INFO)
    settings["receiver"]["alertmanager_url"] = live.url
    receiver = make_receiver()
    stop = threading.Event()
    looked = "featurewatch_receiver_reconciled_timestamp_seconds"
    failures = 'featurewatch_receiver_reconcile_failures_total{server="alertmanager"}'
    live.stop()
    loop = reconciling(receiver.core, receiver.queue, stop, 0.02)
    assert loop
    loop.start()
    try:
        eventually(lambda: receiver.metric(failures) > 3)
        assert receiver.metric(looked) == 0
        live.start()
        eventually(lambda: receiver.metric(looked) == receiver.clock.now.timestamp())
        assert (said("duty waits"), said("duty goes on")) == (1, 1)
    finally:
        stop.set()
        loop.join()


def test_a_receiver_that_is_served_follows_and_watches_by_itself(
    live: LiveAlertmanager, settings: Json, write_config: Callable[[], Path], tmp_path: Path
) -> None:
    settings["receiver"] |= {"listen": "127.0.0.1:0", "alertmanager_url": live.url}
    settings["watchdog"] = {"enabled": True, "timeout": "1s"}
    live.fire(extractor=NAME)
    silence(client := Alertmanager(live.url))
    client.close()
    with contextlib.closing(Replicas(write_config(), tmp_path)) as replicas:
        replica = replicas.start()
        replica.ready()
        (line,) = eventually(lambda: replica.lines("alert reconciled"))
        assert (line["difference"], line["extractor"]) == ("muted_firing", NAME)
        eventually(lambda: replica.lines("watchdog missing"))
