"""What the metrics tell of this moment: what has not ended, what is leased, the kill switch."""

import math
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from featurewatch_receiver.web import health
from receiver.flows import Flow
from receiver.payloads import Json, alert

UP = "scale_up_deployment"
PREFIX = "featurewatch_receiver_"


def gauges(flow: Flow) -> dict[str, float]:
    """Each gauge's value now, by its name and state."""
    health.measure(flow.core)
    return {
        sample.name.removeprefix(PREFIX) + "".join(f" {v}" for v in sample.labels.values()): (
            sample.value
        )
        for family in text_string_to_metric_families(flow.core.metrics.text().decode())
        for sample in family.samples
        if family.type == "gauge"
    }


def test_nothing_is_under_way_at_first(make_flow: Callable[[], Flow]) -> None:
    found = gauges(make_flow())
    names = ("planned", "running", "verifying", "awaiting_approval")
    assert {name: found[f"open_remediations {name}"] for name in names} == dict.fromkeys(names, 0)
    assert (found["open_leases"], found["kill_switch"], found["open_episodes"]) == (0, 0, 0)


def test_a_plan_that_waits_for_a_person_is_told(
    make_flow: Callable[[], Flow], settings: Json
) -> None:
    settings["responses"]["actions"][UP]["mode"] = "approve"
    flow = make_flow()
    flow.deliver(alert())
    assert gauges(flow)["open_remediations planned"] == 1
    flow.work()
    found = gauges(flow)
    assert found["open_remediations planned"] == 0
    assert found["open_remediations awaiting_approval"] == 1


def test_a_lease_is_told_until_it_ends(make_flow: Callable[[], Flow], settings: Json) -> None:
    settings["responses"]["actions"][UP]["lease"] = "30m"
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    found = gauges(flow)
    assert (found["open_leases"], found["open_remediations running"]) == (1, 0)
    with flow.core.writer.begin() as connection:
        connection.execute(text("UPDATE leases SET ended_at = created_at"))
    assert gauges(flow)["open_leases"] == 0


@pytest.mark.parametrize("engaged", [True, False])
def test_the_kill_switch_is_told(engaged: bool, make_flow: Callable[[], Flow]) -> None:
    flow = make_flow()
    flow.kill_switch(engaged)
    assert gauges(flow)["kill_switch"] == engaged


def test_what_cannot_be_read_is_not_a_number(make_flow: Callable[[], Flow]) -> None:
    flow = make_flow()
    assert gauges(flow)["kill_switch"] == 0
    with flow.core.writer.begin() as connection:
        connection.execute(text("DROP TABLE switches"))
    found = gauges(flow)
    unknown = {name for name, value in found.items() if math.isnan(value)}
    assert {"kill_switch", "open_leases", "open_episodes", "open_remediations planned"} <= unknown
