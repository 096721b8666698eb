"""A delivery is a claim: nothing is touched before Prometheus or Alertmanager has been asked."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.clients.prometheus import literal
from receiver.flows import Flow, Platform
from receiver.live_alertmanager import LiveAlertmanager
from receiver.payloads import Json, alert
from receiver.stand_in_prometheus import StandInPrometheus

UP = "scale_up_deployment"
MakeFlow = Callable[[], Flow]
HOSTILE = 'x"} or vector(1) or up{a="\\\n$window'


def skipped(flow: Flow) -> tuple[str | None, str]:
    """Reason and sentence of the only remediation, which did nothing."""
    row = flow.only()
    assert (row.state, flow.platform.effects) == ("skipped", [])
    return row.reason, flow.detail(row.id)


def test_a_forged_alert_starts_nothing(make_flow: MakeFlow, prometheus: StandInPrometheus) -> None:
    prometheus.values["ALERTS{"] = []
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    expected = "FeatureExtractionLatencyCritical does not fire at its source"
    assert skipped(flow) == ("alert_not_firing", expected)
    assert prometheus.queries == [
        'ALERTS{alertname="FeatureExtractionLatencyCritical", alertstate="firing", '
        'extractor="feature_extractor"}'
    ]


def test_nothing_is_done_while_the_rules_say_that_the_target_is_worked_on(
    make_flow: MakeFlow, prometheus: StandInPrometheus
) -> None:
    """What Alertmanager lets through, or a receiver that has not the newest windows, acts on."""
    prometheus.values["FeaturewatchMaintenance"] = [1.8e9]
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert skipped(flow) == ("maintenance", "Prometheus says that it is being worked on")
    prometheus.values["FeaturewatchMaintenance"] = []
    flow.later(minutes=2)
    flow.tend()
    assert flow.remediator.prepare(flow.only().id)


CASCADE = "FeatureExtractionLatencyCascade"


@pytest.mark.parametrize(
    ("fires", "responses", "state"),
    [([1.0], ["clear_cache"], "skipped"), ([], ["clear_cache"], "running"), ([1.0], [], "running")],
)
def test_a_member_of_an_incident_leaves_the_action_to_the_incident(  # noqa: PLR0913, PLR0917
    make_flow: MakeFlow,
    prometheus: StandInPrometheus,
    settings: Json,
    fires: list[float],
    responses: list[str],
    state: str,
) -> None:
    members = ["FeatureExtractionLatencyCritical"]
    settings["alerts"][CASCADE] = {"responses": responses, "members": members}
    prometheus.values = {CASCADE: fires, **prometheus.values}
    flow = make_flow()
    flow.deliver(alert())
    flow.remediator.prepare(flow.only().id)
    assert flow.only().state == state
    if state == "skipped":
        assert skipped(flow) == ("correlated", f"{CASCADE} answers for it")


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        ([121], "measured 121 s ago; the most is 120 s"),
        ([], "not measured at all; the most is 120 s"),
        ([float("nan")], "not measured at all; the most is 120 s"),
    ],
)
def test_nothing_is_touched_for_metrics_that_are_old(
    make_flow: MakeFlow, prometheus: StandInPrometheus, ages: list[float], said: str
) -> None:
    prometheus.values["time()"] = ages
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert skipped(flow) == ("metrics_too_old", said)


@pytest.mark.parametrize("ages", [[120], [500, 2]])
def test_metrics_that_are_new_enough_will_do(
    make_flow: MakeFlow, prometheus: StandInPrometheus, ages: list[float]
) -> None:
    prometheus.values["time()"] = ages
    flow = make_flow()
    flow.deliver(alert())
    assert flow.remediator.prepare(flow.only().id)
    assert flow.only().state == "running"
    assert flow.only().values_before == {"p95_seconds": 0.3}


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ((503, b"starting"), "answered 503: starting"),
        ((302, b""), "answered 302"),
        ((200, b"<html>"), "does not answer as Prometheus does; is the URL right?"),
        ((200, b'{"data": {"result": [{"metric": {}, "value": [1, "x"]}]}}'), "does not answer as"),
    ],
)
def test_a_source_that_cannot_be_asked_is_asked_again_ever_more_seldom(
    make_flow: MakeFlow, prometheus: StandInPrometheus, trouble: tuple[int, bytes], said: str
) -> None:
    prometheus.trouble = trouble
    flow = make_flow()
    flow.deliver(alert())
    began, asked = flow.clock.now, []
    for _ in range(4 * 60):
        if any(row.state == "planned" for row in flow.rows()):
            flow.work()
            asked.append(flow.clock.now - began)
        flow.later(seconds=15)
        flow.tend()
    pauses = [(late - early) / timedelta(minutes=1) for early, late in pairwise(asked)]
    assert pauses == [1, 2, 4, 8, 16]
    reason, detail = skipped(flow)
    assert reason == "source_unreachable"
    assert said in detail
    prometheus.trouble = None
    flow.later(hours=1)
    flow.tend()
    flow.remediator.prepare(flow.only().id)
    assert flow.only().state == "running"


def test_a_source_that_is_down_holds_back_alerts_and_not_people(
    make_flow: MakeFlow, prometheus: StandInPrometheus, platform: Platform
) -> None:
    flow = make_flow()
    prometheus.close()
    flow.deliver(alert())
    flow.work()
    assert skipped(flow)[0] == "source_unreachable"
    with flow.core.writer.begin() as connection:
        Planner(flow.core, connection, flow.queue).ask(
            "clear_cache",
            "feature_extractor",
            row_id="manual:1",
            episode_id=flow.only().episode_id,
            user="anna",
            reason="now",
        )
    assert flow.run("manual:1").state == "done"
    assert platform.effects == ["clear feature_cache"]


def test_hostile_names_are_quoted_into_queries(
    make_flow: MakeFlow, settings: Json, prometheus: StandInPrometheus
) -> None:
    settings["targets"][HOSTILE] = settings["targets"]["feature_extractor"]
    flow = make_flow()
    flow.deliver(alert(extractor=HOSTILE))
    assert flow.remediator.prepare(flow.only().id)
    quoted = r'"x\"} or vector(1) or up{a=\"\\\n$window"'
    assert literal(HOSTILE) == quoted
    assert len(prometheus.queries) == 5
    assert all(f"extractor={quoted}" in query for query in prometheus.queries)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_literal_holds_its_text_and_nothing_breaks_out_of_it(text: str) -> None:
    written = literal(text)
    inside = written[1:-1].replace("\\\\", "").replace('\\"', "")
    assert written[0] == written[-1] == '"'
    assert '"' not in inside
    assert "\n" not in written


def test_a_label_of_an_alert_that_is_no_target_never_reaches_a_query(
    make_flow: MakeFlow, prometheus: StandInPrometheus
) -> None:
    flow = make_flow()
    flow.deliver(alert(extractor=HOSTILE))
    flow.work()
    assert flow.became() == [(UP, "skipped", "target_not_allowed")]
    assert prometheus.queries == []


def test_without_a_prometheus_alertmanager_is_asked(
    make_flow: MakeFlow, settings: Json, live: LiveAlertmanager, platform: Platform
) -> None:
    settings["receiver"]["alertmanager_url"] = live.url
    settings["targets"]["extractor"] = settings["targets"]["feature_extractor"]
    live.fire()
    flow = make_flow()
    flow.deliver(alert(extractor="other_extractor"), alert(extractor="extractor"))
    flow.work()
    became = {row.target: (row.state.value, row.reason) for row in flow.rows()}
    assert became["other_extractor"] == ("skipped", "alert_not_firing")
    assert became["extractor"] == ("done", None)
    assert platform.effects == ["scale 2"]
