"""What came about at Alertmanager is told when it begins and when it ends, each once."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_receiver.clients.alertmanager import Alertmanager, Matcher, NewSilence
from featurewatch_receiver.reconciliation.reconcile import Reconciler
from featurewatch_receiver.silences import alert_silence
from featurewatch_receiver.silences.acknowledgement import Acknowledger, Kind, Note
from featurewatch_receiver.store import schema
from receiver.api import Api
from receiver.console.browsing import Visitor
from receiver.console.test_links import INCIDENT, hear_of_one
from receiver.in_process import Receiver
from receiver.live_alertmanager import LATENCY, LiveAlertmanager
from receiver.payloads import Json

SEEN = {"reason": "seen it before"}
HOURS = timedelta(hours=2)
CORRELATED = {"category": "correlation", "type": INCIDENT}


class Story:
    """One alert that fires at a real Alertmanager, and a receiver that looks when it is told to."""

    def __init__(self, live: LiveAlertmanager, receiver: Receiver, client: Alertmanager) -> None:
        self.live, self.receiver, self.client = live, receiver, client
        self.api = Api(receiver)
        self.during: Callable[[], object] = lambda: None
        prometheus: Any = self
        self._reconciler = Reconciler(receiver.core, receiver.queue, client, prometheus)
        self.follow(LATENCY["alertname"])

    def samples(self, _: str) -> list[Any]:
        """As Prometheus answers; what happens meanwhile is `during`."""
        self.during()
        return []

    def look(self) -> None:
        """A moment later."""
        self.pass_time()
        self._reconciler.look()

    def pass_time(self) -> None:
        self.receiver.clock.now += timedelta(seconds=1)

    def follow(self, alertname: str) -> None:
        """Read of this alert's episode from now on."""
        (of,) = [e["id"] for e in self.receiver.episodes() if e["alertname"] == alertname]
        self.path = f"/episodes/{of}"

    def act(self, name: str) -> None:
        self.pass_time()
        self.api.do(f"{self.path}/{name}", SEEN)

    def silence(self, person: str, until: datetime, silence_id: str = "") -> str:
        """Made with Alertmanager's own page."""
        quiet = NewSilence(
            matchers=(Matcher(name="extractor", value="extractor"),),
            starts_at=datetime.now(UTC),
            ends_at=until,
            created_by=person,
            comment="the model warms up",
        )
        body = quiet.model_dump(mode="json", by_alias=True)
        if silence_id:
            body["id"] = silence_id
        made: Json = self.client._call("POST", "/silences", dict[str, str], json=body)
        return str(made["silenceID"])

    def changes(self) -> list[tuple[str, str | None]]:
        """What and whose, in the order in which it happened."""
        found = self.api.read(self.path)["changes"]
        return [(row["what"], row["person"]) for row in reversed(found)]

    def happened(self) -> str:
        said = Visitor(self.receiver).read(self.path)
        return said.partition("What happened")[2].partition("Labels")[0]


@pytest.fixture
def story(
    live: LiveAlertmanager,
    client: Alertmanager,
    make_receiver: Callable[[], Receiver],
    settings: Json,
) -> Story:
    settings["receiver"]["alertmanager_url"] = live.url
    receiver = make_receiver()
    hear_of_one(live, receiver)
    return Story(live, receiver, client)


def test_a_silence_made_elsewhere_is_told_and_so_is_its_end(story: Story) -> None:
    until = datetime.now(UTC) + HOURS
    made = story.silence("bob", until)
    for _ in range(3):
        story.look()
    shown = until.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert f"Silenced by bob until {shown} : the model warms up" in story.happened()
    (row,) = story.api.read(story.path)["changes"]
    assert (row["reason"], row["silence"]) == ("the model warms up", made)
    story.client.expire_silence(made)
    for _ in range(3):
        story.look()
    assert story.changes() == [("silenced", "bob"), ("silence_ended", "bob")]
    said = story.happened()
    places = [said.index(text) for text in ("Silenced by bob", "The silence of bob has ended")]
    assert places == sorted(places)


def test_a_silence_that_is_made_longer_is_told_with_its_new_end(story: Story) -> None:
    until = datetime.now(UTC) + HOURS
    made = story.silence("bob", until)
    story.look()
    story.silence("bob", until + HOURS, made)
    story.look()
    assert story.changes() == [("silenced", "bob")] * 2
    newest, first = story.api.read(story.path)["changes"]
    assert newest["until"] > first["until"]
    assert newest["at"] > first["at"]


def test_of_two_silences_the_one_that_was_told_stays_so_until_it_ends(story: Story) -> None:
    until = datetime.now(UTC) + HOURS
    first = story.silence("bob", until)
    story.look()
    others = [story.silence(f"other {n}", until) for n in range(4)]
    story.look()
    assert story.changes() == [("silenced", "bob")]
    story.client.expire_silence(first)
    for _ in range(2):
        story.look()
    found = story.changes()
    assert [what for what, _ in found] == ["silenced", "silenced"]
    for made in others:
        story.client.expire_silence(made)
    story.look()
    assert story.changes()[2:] == [("silence_ended", found[1][1])]


def test_an_acknowledgement_made_elsewhere_is_told_and_so_is_its_end(story: Story) -> None:
    acknowledger = Acknowledger(story.client)
    alert = {"alertname": LATENCY["alertname"]}
    for kind, reason in ((Kind.ACK, "on it"), (Kind.RESOLVE, "rolled back")):
        acknowledger.acknowledge(alert, Note(user="bob", reason=reason, duration=HOURS), kind)
        for _ in range(2):
            story.look()
    acknowledger.unacknowledge(alert)
    story.look()
    whats = ["acknowledged", "resolved", "acknowledgement_ended"]
    assert story.changes() == [(what, "bob") for what in whats]
    said = story.happened()
    assert "Acknowledged by bob elsewhere until" in said
    assert "Called resolved by bob elsewhere until" in said
    assert "The acknowledgement of bob has ended" in said
    assert ": on it" in said
    assert said.count(": rolled back") == 1


def inhibit(story: Story, by: str, **labels: str) -> None:
    """Let it fire, and wait until Alertmanager names it as what mutes another one."""
    story.live.fire(alertname=by, **labels)

    def names_it() -> bool:
        found = story.live.alerts()
        (source,) = [a["fingerprint"] for a in found if a["labels"]["alertname"] == by]
        return any(a["status"]["inhibitedBy"] == [source] for a in found)

    eventually(names_it)


def test_an_inhibition_is_told_and_so_is_its_end_and_it_ends_no_silence(story: Story) -> None:
    story.silence("bob", datetime.now(UTC) + HOURS)
    story.look()
    inhibit(story, INCIDENT, **CORRELATED)
    for _ in range(2):
        story.look()
    story.live.end(alertname=INCIDENT)
    for _ in range(2):
        story.look()
    assert story.changes() == [
        ("silenced", "bob"),
        ("inhibited", None),
        ("inhibition_ended", None),
    ]
    by = [row["inhibited_by"] for row in story.api.read(story.path)["changes"]]
    named = [{"alertname": INCIDENT, "extractor": "extractor"}]
    assert by == [named, named, None]
    said = story.happened()
    assert f"Inhibited by {INCIDENT}: the same trouble" in said
    assert said.index("Inhibited no more") > said.index(f"Inhibited by {INCIDENT}")


def test_of_two_inhibiting_alerts_the_one_that_was_told_stays_so_while_it_fires(
    story: Story,
) -> None:
    critical, high = LATENCY["alertname"], "FeatureExtractionLatencyHigh"
    story.live.end(alertname=critical)
    story.live.fire(alertname=high, severity="high")
    inhibit(story, INCIDENT, **CORRELATED)
    story.look()
    story.follow(high)
    inhibit(story, critical)
    story.look()
    assert story.changes() == [("inhibited", None)]
    story.live.end(alertname=INCIDENT)
    story.look()
    by = [row["inhibited_by"][0]["alertname"] for row in story.api.read(story.path)["changes"]]
    assert by == [critical, INCIDENT]


@pytest.mark.parametrize(
    ("act", "back"), [("silence", "unsilence"), ("acknowledge", "unacknowledge")]
)
def test_what_is_done_here_is_told_once(story: Story, act: str, back: str) -> None:
    for name in (act, back):
        story.act(name)
        for _ in range(2):
            story.look()
    assert story.changes() == []
    said = story.happened()
    for name in (act, back):
        assert said.count(f"ada: {name}: {SEEN['reason']}") == 1
    assert "by ada" not in said
    assert "of ada" not in said


def test_what_is_done_here_and_ended_elsewhere_is_told_by_its_end(story: Story) -> None:
    story.act("silence")
    story.look()
    (made,) = story.client.silences()
    story.client.expire_silence(made.id)
    story.look()
    assert story.changes() == [("silence_ended", "ada")]


@pytest.mark.parametrize("name", ["silence", "unsilence"])
def test_what_is_being_done_here_is_told_once(
    story: Story, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Alertmanager says it before it is stored."""
    do = getattr(alert_silence, name)

    def do_and_look(*given: Any) -> Any:
        done = do(*given)
        story.look()
        return done

    monkeypatch.setattr(alert_silence, name, do_and_look)
    for act in ("silence", "unsilence"):
        story.act(act)
        story.look()
    assert story.changes() == []


def test_an_act_that_was_interrupted_is_told_once(story: Story) -> None:
    story.act("silence")
    with story.receiver.core.writer.begin() as connection:
        connection.execute(update(schema.audit).values(detail=None))
        forgotten = {"silenced_at": None, "silenced_by": None}
        forgotten |= {"silenced_until": None, "silenced_reason": None}
        connection.execute(update(schema.episodes).values(forgotten))
    story.look()
    assert story.api.read(story.path)["status"] == "active"
    story.receiver.clock.now += timedelta(seconds=30)
    story.look()
    assert story.api.read(story.path)["status"] == "silenced"
    assert story.changes() == []
    assert "Silenced by ada" not in story.happened()


def test_what_is_done_here_while_alertmanager_is_asked_is_no_end(story: Story) -> None:
    """What Alertmanager answered before is old by then."""
    story.during = lambda: story.act("silence")
    story.look()
    assert story.changes() == []
    story.during = lambda: story.act("unsilence")
    story.look()
    story.during = lambda: None
    story.look()
    assert story.changes() == []
    assert story.api.read(story.path)["status"] == "active"


def test_what_is_begun_here_before_alertmanager_is_asked_and_done_meanwhile_is_no_end(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, begun, asked = alert_silence.silence, threading.Event(), threading.Event()

    def make_late(*given: Any) -> str:
        begun.set()
        asked.wait(PATIENCE_SECONDS)
        return make(*given)

    def finish() -> None:
        story.pass_time()
        asked.set()
        thread.join()

    monkeypatch.setattr(alert_silence, "silence", make_late)
    thread = threading.Thread(target=story.act, args=("silence",))
    thread.start()
    begun.wait(PATIENCE_SECONDS)
    story.during = finish
    story.look()
    assert story.changes() == []
    assert story.api.read(story.path)["status"] == "silenced"
