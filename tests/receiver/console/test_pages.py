"""What each page shows."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest
from sqlalchemy import update

from featurewatch_receiver.history import servers
from featurewatch_receiver.store import schema
from receiver.api import Api
from receiver.console import story
from receiver.console.browsing import Visitor, text_of
from receiver.in_process import Receiver
from receiver.payloads import T0, Json, alert, at
from receiver.web.test_reads import row, store

_WITHOUT_ROLLOUT = ("?severity=high", "?status=resolved")
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"


@pytest.fixture
def told_ada(told: Receiver) -> Visitor:
    """Ada in the middle of the story."""
    return Visitor(told)


def test_the_overview_counts_by_severity_and_status(told_ada: Visitor) -> None:
    said = told_ada.read("/")
    assert "3 critical 0 high 2 medium 0 low" in said
    assert "4 active 0 acknowledged 1 silenced 2 inhibited" in said


def test_an_incident_stands_above_its_members_and_apart_from_other_extractors(
    told_ada: Visitor,
) -> None:
    said = told_ada.read("/")
    places = [said.index(f" {name} level") for name in (story.CASCADE, story.LATENCY, story.CACHE)]
    assert places == sorted(places)
    assert said.index("feature_extractor_eu 2 alerts") < said.index("feature_extractor 3 alerts")
    assert said.index(f" {story.RESOURCES} level") < said.index("feature_extractor 3 alerts")


def test_level_and_time_of_the_next_level_stand_beside_an_alert(told_ada: Visitor) -> None:
    said = told_ada.read("/")
    assert f"{story.CASCADE} level 2 of 3, for 12 min" in said
    assert "Level 3 in 8 min : on call engineer by pagerduty" in said
    assert "is held" not in said


def test_a_level_that_waits_for_an_action_says_for_which_and_until_when(told: Receiver) -> None:
    with told.core.writer.begin() as connection:
        at_work = update(schema.remediations).where(schema.remediations.c.action == "clear_cache")
        connection.execute(at_work.values(hold_id="silence"))
    until = "2026-01-02 03:58:00 UTC at most: on call engineer by pagerduty"
    assert f"Level 3 is held while clear_cache is at work, until {until}" in Visitor(told).read("/")


def test_an_incident_escalates_with_the_first_of_its_members(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    story.members(settings)
    settings["alerts"][story.CASCADE]["levels"] = []
    receiver = make_receiver()
    story.tell(receiver, receiver.clock.now)
    assert "Level 3 in 2 min : on call engineer by pagerduty" in Visitor(receiver).read("/")


def test_what_waits_for_somebody_is_counted(told_ada: Visitor) -> None:
    assert "2 unacknowledged , and not muted." in told_ada.read("/")


def test_what_is_inhibited_can_be_listed_alone(told_ada: Visitor) -> None:
    said = told_ada.read("/?inhibited=true")
    assert "2 of them shown by this filter" in said
    assert f"{story.CASCADE} level" not in said


def test_what_is_muted_says_by_what(told_ada: Visitor) -> None:
    said = told_ada.read("/")
    assert f"inhibited by {story.CASCADE} (an incident answers for its members)" in said
    assert "silenced by bob until 2026-01-02 05:30:00 UTC : the new model warms up" in said


@pytest.mark.parametrize(
    ("by", "why"),
    [
        ("FeaturewatchMaintenance", "planned work"),
        ("FeaturewatchCooldown", "only its cooldown holds it"),
    ],
)
def test_an_alert_does_not_name_itself_as_what_mutes_it(
    by: str, why: str, told: Receiver, told_ada: Visitor
) -> None:
    own = {"alertname": story.LATENCY, "extractor": "feature_extractor"}
    worse = {"alertname": by, "extractor": ""}
    with told.core.writer.begin() as connection:
        one = update(schema.episodes).where(schema.episodes.c.id == story.SPIKE)
        connection.execute(one.values(inhibited_by=[own, worse]))
    said = told_ada.read(f"/episodes/{story.SPIKE}")
    assert f"inhibited by {by} ({why})" in said
    assert f"Inhibited by {by}: {why}" in said


def test_a_time_interval_that_keeps_an_alert_quiet_is_named_with_its_end(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    story.members(settings)
    settings["notifications"] |= {
        "mute_times": {"medium": ["nights"]},
        "time_intervals": {"nights": [{"times": [{"start_time": "00:00", "end_time": "06:00"}]}]},
    }
    receiver = make_receiver()
    story.tell(receiver, receiver.clock.now)
    ada = Visitor(receiver)
    words = "nobody is told during nights, until 2026-01-02 06:00:00 UTC (time interval)"
    assert words in ada.read(f"/episodes/{story.MISSES}")
    assert "during nights" not in ada.read(f"/episodes/{story.SPIKE}")
    assert "Somebody has each of them, or it is muted." not in ada.read("/")
    receiver.clock.now += timedelta(hours=2)
    assert "during nights" not in ada.read(f"/episodes/{story.MISSES}")


def test_within_such_an_interval_nobody_is_said_to_be_told_or_waited_for(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    story.members(settings)
    settings["notifications"] |= {
        "mute_times": {"critical": ["january"]},
        "time_intervals": {"january": [{"months": ["1"]}]},
    }
    receiver = make_receiver()
    story.tell(receiver, receiver.clock.now)
    said = Visitor(receiver).read("/")
    assert "Somebody has each of them, or it is muted." in said
    assert "nobody is told during january" in said
    assert "Level 2 in" not in said
    assert "Acknowledge" in said


def test_an_incident_has_its_members_in_its_own_cluster(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    story.members(settings)
    receiver = make_receiver()
    begun = at(0)
    for name, cluster in ((story.CASCADE, "eu"), (story.CACHE, "eu"), (story.CACHE, "us")):
        receiver.deliver(alert(name, cluster=cluster, start=begun))
    page = Visitor(receiver).page("/")
    lines = re.findall(r'<li class="line( member)?[^"]*">(.*?)</li>', page, re.DOTALL)
    said = [(bool(member), text_of(line).split("cluster=")[1][:2]) for member, line in lines]
    assert said == [(False, "eu"), (True, "eu"), (False, "us")]


def test_value_threshold_and_remediation_stand_beside_an_alert(told_ada: Visitor) -> None:
    said = told_ada.read("/")
    assert ": 231.4ms when told, threshold 150ms" in said
    assert "scale_up_deployment skipped correlated" in said
    assert "clear_cache verifying" in said


def test_approvals_and_leases_and_whom_people_were_told_of_are_on_the_overview(
    told_ada: Visitor,
) -> None:
    said = told_ada.read("/")
    assert "optimize_resources for feature_extractor_eu since 2026-01-02 03:59:00 UTC" in said
    assert "dropped unless approved by 2026-01-02 04:29:00 UTC" in said
    assert "scale_up_deployment of feature_extractor: replicas 3, goes back to replicas 2" in said
    told = f"{story.RESOURCES} of feature_extractor_eu, firing, level 1: on-call"
    assert f"critical {told} feature_extractor_eu needs all it has" in said


def test_the_overview_can_be_narrowed(told_ada: Visitor) -> None:
    said = told_ada.read("/?severity=medium&extractor=feature_extractor_eu")
    assert "1 of them shown by this filter" in said
    assert story.FALLBACK in said
    assert f"{story.CACHE} level" not in said


def test_nothing_that_fires_is_said_so(ada: Visitor) -> None:
    assert "Nothing fires" in ada.read("/")


def test_what_fires_no_more_and_waits_for_a_person_is_said_so(receiver: Receiver) -> None:
    receiver.deliver(alert(auto_resolve="false"))
    receiver.deliver(alert(auto_resolve="false", end=at(5)))
    said = Visitor(receiver).read("/")
    assert "fires no more; waits to be resolved" in said


def test_the_kill_switch_is_on_every_page(receiver: Receiver, vic: Visitor) -> None:
    Api(receiver).do("/kill-switch/engage", {"reason": "wrong topology"})
    for path in ("/", "/history", "/remediations", "/controls"):
        assert "The kill switch is engaged: no action begins. ada," in vic.read(path)


def test_a_server_that_is_away_is_told_of_with_the_age_of_what_is_shown(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["alertmanager_url"] = "http://127.0.0.1:1"
    settings["receiver"]["prometheus_url"] = "http://127.0.0.1:1"
    receiver = make_receiver()
    ada = Visitor(receiver)
    assert "is away" not in ada.read("/")
    for name in (servers.ALERTMANAGER, servers.PROMETHEUS):
        servers.note(receiver.core, name, None)
    assert "is away" not in ada.read("/")
    receiver.clock.now += timedelta(minutes=12)
    age = "What is shown is as last known, 2026-01-02 04:00:00 UTC (12 min ago)."
    for name in ("Alertmanager", "Prometheus"):
        assert f"{name} is away. {age} no receiver has asked it since" in ada.read("/")
    servers.note(receiver.core, servers.ALERTMANAGER, "it can't be reached")
    said = ada.read("/")
    assert f"Alertmanager is away. {age} it can't be reached" in said
    assert "Prometheus is away" not in said


def test_details_tell_everything_in_the_order_in_which_it_happened(told_ada: Visitor) -> None:
    said = told_ada.read(f"/episodes/{story.INCIDENT}")
    order = (
        "Level 1 fires",
        "clear_cache: planned (by policy)",
        "clear_cache: running (by worker): cache feature_cache",
        "clear_cache: verifying (by worker): 1204 entries cleared",
        "Alertmanager had level 1 to tell team",
        "Level 2 fires",
        "Alertmanager had level 2 to tell on-call",
    )
    places = [said.index(text) for text in order]
    assert places == sorted(places)
    assert "Value 2 members Threshold 2" in said


def test_details_show_what_people_did(receiver: Receiver, ada: Visitor) -> None:
    receiver.deliver(alert(auto_resolve="false"))
    receiver.deliver(alert(auto_resolve="false", end=at(5)))
    episode = receiver.episodes()[0]["id"]
    ada.do(f"/acts/resolve/{episode}")
    said = ada.read(f"/episodes/{episode}")
    assert "ada: resolve: seen it before" in said
    assert "Resolved by ada" in said


def test_an_acknowledgement_made_elsewhere_is_among_what_happened(told: Receiver) -> None:
    now = told.clock.now
    with told.core.writer.begin() as connection:
        one = update(schema.episodes).where(schema.episodes.c.id == story.INCIDENT)
        values = {"acknowledged_by": "bob", "acknowledged_reason": "on it"}
        times = {"acknowledged_at": now, "acknowledged_until": now + timedelta(hours=2)}
        connection.execute(one.values(values | times))
    said = Visitor(told).read(f"/episodes/{story.INCIDENT}")
    until = "until 2026-01-02 06:00:00 UTC : on it"
    assert f"Acknowledged by bob elsewhere {until}" in said
    assert "acknowledged by bob until 2026-01-02 06:00:00 UTC : on it" in said
    assert "acknowledged by bob until 2026-01-02 06:00:00 UTC : on it" in Visitor(told).read("/")


def test_details_show_the_expression_and_the_labels(told_ada: Visitor) -> None:
    said = told_ada.read(f"/episodes/{story.SPIKE}")
    assert 'p95("feature_extractor"[5m]) > threshold("feature_extractor")' in said
    assert "escalation_policy latency_violation" in said


def test_the_expression_and_the_links_are_about_the_alerts_own_cluster(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["links"] = dict.fromkeys(("prometheus", "alertmanager"), "https://example.com")
    story.members(settings)
    check = settings["alerts"][story.LATENCY]["checks"]["p95_seconds"]
    check["value"] = "p95{extractor=$extractor, cluster=~$labels.cluster}"
    receiver = make_receiver()
    receiver.deliver(alert(story.LATENCY, extractor="$labels.cluster", cluster="eu.1"))
    episode = receiver.episodes()[0]["id"]
    wanted = r'p95{extractor="$labels.cluster", cluster=~"eu\\.1|"}'
    assert wanted in Visitor(receiver).read(f"/episodes/{episode}")
    urls = links_of(receiver, episode)
    assert wanted in unquote(urls["Prometheus"])
    assert 'extractor="$labels.cluster",cluster="eu.1"}' in unquote(urls["Alertmanager"])


def test_a_chart_shows_the_course_of_the_value_and_its_threshold(
    course: str, told: Receiver
) -> None:
    page = Visitor(told).page(f"/episodes/{story.SPIKE}")
    assert page.count("<polyline") == 1
    assert 'class="threshold"' in page
    assert "alerts above 150 ms" in page
    assert re.search(r'Now</dt><dd>p95 seconds <b class="beyond">2\d\d\.?\d* ms', page)
    assert f'href="{course}' not in page


def test_a_value_that_is_measured_no_more_is_not_called_that_of_now(
    stopped_course: str, told: Receiver
) -> None:
    said = Visitor(told).read(f"/episodes/{story.SPIKE}")
    assert re.search(r"Now p95 seconds not measured since 2026-01-02 03:5\d:\d\d UTC", said)


def test_a_value_of_a_long_alert_is_that_of_now_or_of_none(
    stopped_course: str, make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    """The points of its chart are more than an hour apart."""
    story.members(settings)
    receiver = make_receiver()
    receiver.deliver(alert(story.LATENCY, start=at(-6 * 24 * 60)))
    said = Visitor(receiver).read(f"/episodes/{receiver.episodes()[0]['id']}")
    assert "Now p95 seconds not measured since" in said


def test_without_a_prometheus_there_is_no_chart(told_ada: Visitor) -> None:
    page = told_ada.page(f"/episodes/{story.SPIKE}")
    assert "<svg" not in page
    assert "No values to show: receiver.prometheus_url is null." in page


def test_an_alert_without_values_of_its_own_says_so(course: str, told: Receiver) -> None:
    said = Visitor(told).read(f"/episodes/{story.INCIDENT}")
    assert "No values to show: the rule of this alert compares no value of one extractor." in said


def test_a_prometheus_that_does_not_answer_is_said_in_place_of_the_chart(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["prometheus_url"] = "http://ada:secret@127.0.0.1:1"
    story.members(settings)
    receiver = make_receiver()
    story.tell(receiver, receiver.clock.now)
    page = Visitor(receiver).page(f"/episodes/{story.SPIKE}")
    assert "No values to show: Prometheus at http://127.0.0.1:1 can&#39;t be reached" in page
    assert "secret" not in page


@pytest.mark.parametrize("began", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
def test_an_alert_that_says_it_began_long_ago_has_a_page(
    make_receiver: Callable[[], Receiver], settings: Json, began: str
) -> None:
    settings["receiver"]["prometheus_url"] = "http://127.0.0.1:1"
    story.members(settings)
    receiver = make_receiver()
    receiver.deliver(alert(story.LATENCY) | {"startsAt": began})
    [episode] = receiver.episodes()
    assert "No values to show: Prometheus at" in Visitor(receiver).page(
        f"/episodes/{episode['id']}"
    )


def test_links_lead_where_browsers_reach_the_servers_and_not_where_the_receiver_does(
    make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["prometheus_url"] = "http://127.0.0.1:1"
    settings["receiver"]["alertmanager_url"] = "http://127.0.0.1:1"
    settings["links"] = {
        "prometheus": "https://prometheus.example.com",
        "alertmanager": "https://example.com/alertmanager/",
    }
    urls = links_of_the_spike(make_receiver())
    assert urls["Prometheus"].startswith("https://prometheus.example.com/graph?g0.expr=")
    filtered = f'{{alertname="{story.LATENCY}",extractor="feature_extractor"}}'
    address = "https://example.com/alertmanager/#/alerts?silenced=true&inhibited=true&filter="
    assert unquote(urls["Alertmanager"]) == address + filtered


@pytest.mark.parametrize(
    ("missing", "other"), [("prometheus", "Alertmanager"), ("alertmanager", "Prometheus")]
)
def test_a_server_that_browsers_do_not_reach_has_no_link(
    missing: str, other: str, make_receiver: Callable[[], Receiver], settings: Json
) -> None:
    settings["receiver"]["prometheus_url"] = "http://127.0.0.1:1"
    settings["receiver"]["alertmanager_url"] = "http://127.0.0.1:1"
    settings["links"] = {other.lower(): "https://example.com", missing: None}
    assert links_of_the_spike(make_receiver()).keys() == {"Grafana", other}


def links_of_the_spike(receiver: Receiver) -> dict[str, str]:
    """The same of the story's spike."""
    story.tell(receiver, receiver.clock.now)
    return links_of(receiver, story.SPIKE)


def links_of(receiver: Receiver, episode: str) -> dict[str, str]:
    """Name and address of each link that leads away from an alert's page."""
    page = Visitor(receiver).page(f"/episodes/{episode}")
    found = re.findall(r'<a href="([^"]+)" rel="noreferrer">(\w+)</a>', page)
    return {name: unescape(url) for url, name in found}


def test_the_runbook_is_shown_as_text(told_ada: Visitor) -> None:
    page = told_ada.page(f"/episodes/{story.SPIKE}")
    page = page.replace("\n", "")
    assert "<p><strong>Look</strong> at &lt;b&gt;both&lt;/b&gt;.</p>" in page
    assert "<ol><li>&lt;i&gt; <code>up</code> first</li><li>then **this</li></ol>" in page
    assert "<pre><code>curl &lt;x&gt;</code></pre>" in page


def test_whatever_a_label_or_an_annotation_holds_stays_text(receiver: Receiver) -> None:
    hostile = alert(HOSTILE, extractor=HOSTILE, severity=HOSTILE, shard=HOSTILE)
    hostile["annotations"] = dict.fromkeys(("summary", "description", "value"), HOSTILE)
    hostile["annotations"] |= {"dashboard_url": "javascript:alert(1)", "runbook_url": "data:x"}
    receiver.deliver(hostile)
    episode = receiver.episodes()[0]
    row_id = episode["remediations"][0]["id"] if episode["remediations"] else None
    ada = Visitor(receiver)
    paths = ["/", "/history", "/remediations", f"/episodes/{episode['id']}"]
    paths += [f"/acts/{act}/{episode['id']}" for act in ("acknowledge", "silence", "resolve")]
    paths += [f"/remediations/{row_id}"] if row_id else []
    for path in paths:
        page = ada.page(path)
        assert "<script>alert" not in page
        assert "javascript:" not in page
        assert "{{7*7}}" in page or path == "/remediations"
        assert " onerror" not in page


def test_several_values_of_a_filter_are_shown_and_kept(told_ada: Visitor) -> None:
    page = told_ada.page("/history?extractor=feature_extractor&extractor=feature_extractor_eu")
    for name in ("feature_extractor", "feature_extractor_eu"):
        assert f'name="extractor" maxlength="1000" value="{name}"' in page
    page = told_ada.page("/remediations?state=verifying&state=awaiting_approval")
    assert '<select name="state" multiple' in page
    assert page.count(" selected>") == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("?severity=high", 1),
        ("?severity=&extractor=b&status=", 1),
        ("?search=rollout", 1),
        ("?hours=1", 2),
        ("?status=resolved", 1),
    ],
)
def test_history_is_filtered(receiver: Receiver, ada: Visitor, query: str, found: int) -> None:
    store(
        receiver,
        schema.episodes,
        row(1, severity="high"),
        row(2, T0, extractor="b", annotations={"summary": "rollout"}),
        row(3, T0 - timedelta(hours=9), resolved_at=T0 - timedelta(hours=8)),
    )
    page = ada.page(f"/history{query}")
    assert page.count('href="/episodes/') == found
    assert ("rollout" in text_of(page).partition("Actions")[2]) is (query not in _WITHOUT_ROLLOUT)


def test_a_filter_that_is_none_is_refused_in_a_line(ada: Visitor) -> None:
    for query in ("hours=0", "severity=worse", "nosuch=1", "cursor=x"):
        reply = ada.get(f"/history?{query}")
        assert reply.status_code == 400
        assert query.partition("=")[0] in reply.text


def test_pages_of_the_history_follow_each_other_and_keep_the_filter(
    receiver: Receiver, ada: Visitor
) -> None:
    rows = [row(n, T0 - timedelta(seconds=n), severity="low") for n in range(120)]
    store(receiver, schema.episodes, *rows)
    seen, path = [], "/history?severity=low"
    while path:
        page = ada.page(path)
        seen += [part[:6] for part in page.split('href="/episodes/')[1:]]
        link = page.partition('">Older</a>')[0].rpartition('href="')[2]
        path = link.replace("&amp;", "&") if '">Older</a>' in page else ""
    assert seen == [f"{n:06}" for n in range(120)]


def test_the_export_holds_every_row_and_no_formula(receiver: Receiver, ada: Visitor) -> None:
    rows = [row(n, T0 - timedelta(seconds=n)) for n in range(600)]
    rows[0] |= {"extractor": '=cmd|" /C calc"!A0', "annotations": {"summary": "-1+1"}}
    rows[1] |= {"extractor": "\n=1+1", "annotations": {"summary": "\uff1d1+1", "value": "a; =1+1"}}
    store(receiver, schema.episodes, *rows)
    reply = ada.get("/history.csv?severity=medium")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="history.csv"'
    lines = list(csv.DictReader(io.StringIO(reply.text)))
    assert [line["id"] for line in lines] == [f"{n:06}" for n in range(600)]
    assert {"acknowledged_until", "silenced_until", "silenced_reason"} <= lines[0].keys()
    assert lines[0]["extractor"] == """'=cmd|" /C calc"!A0"""
    assert lines[0]["summary"] == "'-1+1"
    assert lines[1]["extractor"] == "'\n=1+1"
    assert (lines[1]["summary"], lines[1]["value"]) == ("'\uff1d1+1", "a;' =1+1")
    found = ada.get("/history.json").json["episodes"]
    assert found[:1] == Api(receiver).read("/episodes", limit=1)["episodes"]
    assert len(found) == 600


def test_remediations_are_counted_by_what_they_achieved(told_ada: Visitor) -> None:
    said = told_ada.read("/remediations")
    assert "clear_cache 0 0 0 0 0 0" in said
    assert "scale_up_deployment 0 0 0 0 0 1" in said
    assert "skipped correlated FeatureExtractionLatencyCascade answers for it" in said


def test_effectiveness_is_the_share_of_those_whose_effect_is_known(
    told: Receiver, told_ada: Visitor
) -> None:
    of = update(schema.remediations)
    actions, states = schema.remediations.c.action, ("effective", "inconclusive")
    with told.core.writer.begin() as connection:
        for action, state in zip(("clear_cache", "optimize_resources"), states, strict=True):
            connection.execute(of.where(actions == action).values(state=state))
        connection.execute(of.where(actions == "optimize_resources").values(action="clear_cache"))
    assert "clear_cache 1 (100 %) 0 1 0 0 0" in told_ada.read("/remediations")


def test_a_remediation_shows_plan_steps_and_values(told_ada: Visitor) -> None:
    said = told_ada.read(f"/remediations/{story.INCIDENT}:clear_cache:1")
    assert "Plan cache feature_cache" in said
    assert "cache hit ratio 61.3 % 74.2 %" in said
    assert "p95 seconds 231.4 ms 187 ms" in said
    effect = "cache hit ratio 61.3 % → 74.2 % p95 seconds 231.4 ms → 187 ms"
    for path in ("/", "/remediations", f"/episodes/{story.INCIDENT}"):
        assert effect in told_ada.read(path)
    assert "verifying (by worker): 1204 entries cleared" in said


def test_controls_show_what_holds_each_action_back(told_ada: Visitor) -> None:
    said = told_ada.read("/controls")
    assert "Released: actions may begin" in said
    assert "An alert of its extractor still fires" in said
    assert "restart_deployment off action off" in said


@pytest.mark.parametrize("extractor", ["&extractor=feature_extractor", "", "&extractor="])
def test_the_link_of_a_message_leads_to_the_alert(told_ada: Visitor, extractor: str) -> None:
    reply = told_ada.get(f"/alerts?alertname={story.LATENCY}{extractor}")
    assert (reply.status_code, reply.location) == (303, f"/episodes/{story.SPIKE}")


def test_the_link_leads_to_the_last_one_when_none_is_open_and_to_all_that_are(
    receiver: Receiver, ada: Visitor
) -> None:
    store(receiver, schema.episodes, row(1, resolved_at=T0), row(2, at(1), resolved_at=at(2)))
    path = "/alerts?alertname=FeatureExtractionCacheHitRateLow"
    assert ada.get(path).location == "/episodes/000002"
    store(receiver, schema.episodes, row(3, extractor="b"), row(4, extractor="c"))
    assert ada.get(path).location == "/?alertname=FeatureExtractionCacheHitRateLow"
    assert ada.get("/alerts?alertname=Other").status_code == 404


@pytest.mark.parametrize("path", ["/episodes/none", "/remediations/none", "/acts/deny/none"])
def test_what_is_not_there_is_one_line(ada: Visitor, path: str) -> None:
    reply = ada.get(path)
    assert reply.status_code == 404
    assert "there is none with this id" in reply.text
    assert "/api/" not in reply.text


def test_a_storm_shows_the_worst_and_says_how_many_more(receiver: Receiver, ada: Visitor) -> None:
    mild = [row(n, severity="low") for n in range(500)]
    store(receiver, schema.episodes, *mild, row(501, T0 - timedelta(hours=2), severity="critical"))
    page = ada.page("/")
    assert "The worst 200 of 501 are shown." in page
    assert "critical" in page[page.index("<article") : page.index("<article") + 1000]
    assert len(page) < 300_000
